"""Faster R-CNN (arXiv 1506.01497) with a pyramid (arXiv 1612.03144), of torchvision's parts.

`FasterRCNN` stands on four maps, at output strides of 4 to 32, with anchors of one size on each: on
`resnet50` it is torchvision's fasterrcnn_resnet50_fpn. `FasterRCNNMobile` stands on two late maps
with anchors of five sizes on each: on `mobilenet_v3_large_x1_0` with `bn_eps=1e-5` it is
torchvision's fasterrcnn_mobilenet_v3_large_fpn. Their weights load. Test: its numbers, its boxes.

Differences from torchvision: batch norm learns, unless `norm=frozen` is asked for, and pictures are
squares of one size.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from martlet.errors import MartletError
from martlet.models.classifier import ImageClassifier
from martlet.models.detectors.boxes_of_anchors import moved
from martlet.models.detectors.detector import Detector
from martlet.models.detectors.late_features import LateFeatures
from martlet.models.features import FeatureExtractor, reductions

LEVELS = 4  # of the backbone, the coarsest ones; networks for small pictures have three
WIDTH = 256  # channels of the pyramid
HIDDEN = 1024  # units of the second stage's layers
SIZES = (32, 64, 128, 256, 512)  # of anchors, pixels
RATIOS = (0.5, 1.0, 2.0)  # height / width
WINDOW = 7  # sides of what the second stage sees of a proposal
WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # an answer moves its proposal by a tenth, scales it by e^(1/5)
PROPOSALS = {"training": 2000, "testing": 1000}  # of a map, and of a picture after suppression
CORNERS = 4


class FasterRCNN(Detector):
    """Maps (batch, channels, height, width) to (batch, 1000, 1 + classes + 4 · (1 + classes) + 4).

    Of each proposal there are the logits of background and classes, the moves of its box for each
    of these, and its edges in pixels; rows without a proposal have no edges apart, and no score. In
    training it is called with targets, by which it draws samples, and gives the four parts of its
    loss, (4,); without targets it runs its backbone alone.
    """

    name: ClassVar[str] = "faster_rcnn"
    answering = ("roi_heads.box_predictor.",)
    exported = False
    least_proposal_score: ClassVar[float] = 0.0

    def __init__(self, network: ImageClassifier, num_classes: int) -> None:
        super().__init__(num_classes, network.in_chans)
        self.backbone, channels = self.features(network)
        self.fpn = FeaturePyramidNetwork(channels, WIDTH, LastLevelMaxPool())
        sizes = self.sizes(len(channels) + 1)
        anchors = AnchorGenerator(sizes, (RATIOS,) * len(sizes))
        self.rpn = RegionProposalNetwork(
            anchors,
            RPNHead(WIDTH, anchors.num_anchors_per_location()[0]),
            fg_iou_thresh=0.7,
            bg_iou_thresh=0.3,
            batch_size_per_image=256,
            positive_fraction=0.5,
            pre_nms_top_n=PROPOSALS,
            post_nms_top_n=PROPOSALS,
            nms_thresh=0.7,
            score_thresh=self.least_proposal_score,
        )
        names = [str(number) for number in range(len(channels))]
        self.roi_heads = RoIHeads(
            MultiScaleRoIAlign(names, WINDOW, sampling_ratio=2),
            TwoMLPHead(WIDTH * WINDOW**2, HIDDEN),
            FastRCNNPredictor(HIDDEN, 1 + num_classes),
            fg_iou_thresh=0.5,
            bg_iou_thresh=0.5,
            batch_size_per_image=512,
            positive_fraction=0.25,
            bbox_reg_weights=None,
            score_thresh=0.05,  # these three are of torchvision's own selection, which is not asked
            nms_thresh=0.5,
            detections_per_img=100,
        )

    def features(self, network: ImageClassifier) -> tuple[FeatureExtractor, list[int]]:
        """The backbone, and the channels of its maps."""
        levels = {reduction for _, reduction in reductions(network)}
        backbone = FeatureExtractor(network, min(LEVELS, len(levels)))
        return backbone, backbone.feature_info.channels()

    def sizes(self, maps: int) -> tuple[tuple[int, ...], ...]:
        """Of the anchors on each map of the pyramid."""
        return tuple((size,) for size in SIZES[:maps])

    def forward(self, x: Tensor, targets: Tensor | None = None) -> Tensor:
        maps = self.backbone(x)
        if self.training and targets is None:
            return maps[-1]
        pyramid = self.fpn(OrderedDict((str(n), map_) for n, map_ in enumerate(maps)))
        if x.is_meta:
            return self._shapes(pyramid, x)
        with torch.autocast(x.device.type, enabled=False):  # edges need all their digits
            own = self.rpn.head.cls_logits.weight.dtype
            return self._boxes_of(
                {n: map_.to(own) for n, map_ in pyramid.items()}, x.to(own), targets
            )

    def _boxes_of(self, pyramid: dict[str, Tensor], x: Tensor, targets: Tensor | None) -> Tensor:
        """Of targets the parts of the loss, else the answers."""
        sizes = [(x.shape[2], x.shape[3])] * len(x)
        pictures = ImageList(x, sizes)
        if targets is not None:
            wanted = [_wanted(rows) for rows in targets]
            proposals, first = self.rpn(pictures, pyramid, wanted)
            _, second = self.roi_heads(pyramid, proposals, sizes, wanted)
            return torch.stack([*first.values(), *second.values()])
        proposals, _ = self.rpn(pictures, pyramid)
        return self._answers(pyramid, proposals, sizes)

    def _shapes(self, pyramid: dict[str, Tensor], x: Tensor) -> Tensor:
        """What shapes alone tell: the answers to as many proposals as there may be."""
        self.rpn.head(list(pyramid.values()))
        most = PROPOSALS["testing"]
        windows = x.new_empty(len(x) * most, WIDTH, WINDOW, WINDOW)
        numbers = self.roi_heads.box_predictor(self.roi_heads.box_head(windows))
        rows = torch.cat((*numbers, x.new_empty(len(windows), CORNERS)), 1)
        return rows.unflatten(0, (len(x), most))

    def _answers(
        self, pyramid: dict[str, Tensor], proposals: list[Tensor], sizes: list[tuple[int, int]]
    ) -> Tensor:
        seen = self.roi_heads.box_head(self.roi_heads.box_roi_pool(pyramid, proposals, sizes))
        logits, moves = self.roi_heads.box_predictor(seen)
        rows = torch.cat((logits, moves, torch.cat(proposals)), 1)
        most = PROPOSALS["testing"]
        counts = [len(own) for own in proposals]
        return torch.stack([F.pad(own, (0, 0, 0, most - len(own))) for own in rows.split(counts)])

    def places(self, size: Sequence[int]) -> Tensor:
        """(1000, 0): proposals are found in each picture, and stand in the answers."""
        return torch.empty(PROPOSALS["testing"], 0)

    def decode(self, answers: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (batch, 1000, classes, 4) in pixels and scores (batch, 1000, classes), 0 to 1."""
        count = 1 + self.num_classes
        proposals = answers[..., -CORNERS:]
        moves = answers[..., count:-CORNERS].unflatten(-1, (count, CORNERS))[..., 1:, :]
        real = (proposals[..., 2:] > proposals[..., :2]).all(-1, keepdim=True)
        scores = answers[..., :count].softmax(-1)[..., 1:] * real
        return moved(moves, proposals[..., None, :], WEIGHTS), scores

    def told(self) -> dict[str, Any]:
        """Raises MartletError: no file can hold it."""
        raise MartletError(
            f"the detector {self.name} is not exported, for its second stage sees as many "
            "proposals as a picture has; train with detector='lite' or 'ssdlite'."
        )


class FasterRCNNMobile(FasterRCNN):
    """As FasterRCNN, on two late maps."""

    name = "faster_rcnn_mobile"
    least_proposal_score = 0.05

    def features(self, network: ImageClassifier) -> tuple[FeatureExtractor, list[int]]:
        backbone = LateFeatures(network, "block")
        return backbone, backbone.channels

    def sizes(self, maps: int) -> tuple[tuple[int, ...], ...]:
        return (SIZES,) * maps


def _wanted(rows: Tensor) -> dict[str, Tensor]:
    """Boxes of a picture as torchvision's parts take them; crowds are none."""
    real = rows[(rows[:, 0] >= 0) & (rows[:, 5] == 0)]
    return {"boxes": real[:, 1:5].float(), "labels": real[:, 0].long() + 1}
