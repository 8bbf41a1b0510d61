"""SSDLite: boxes by anchors on six maps, each with a separable head of its own.

MobileNetV2 (arXiv 1801.04381, section 6.2), on the maps that MobileNetV3 (arXiv 1905.02244, section
6.3) gives it, and SSD (arXiv 1512.02325) for anchors and answers. On `mobilenet_v3_large_x1_0` with
`reduced_tail` it is torchvision's ssdlite320_mobilenet_v3_large, whose weights load. Test: its
numbers, its boxes.

Difference from the papers: all maps have six anchors a place, as in torchvision; the authors' code
has three on the first. Test: params and MACs beside those of both Tables 6.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from martlet.models.classifier import ImageClassifier
from martlet.models.detectors.boxes_of_anchors import LARGEST_SCALE, moved
from martlet.models.detectors.detector import Detector
from martlet.models.detectors.late_features import LateFeatures
from martlet.ops.conv import depthwise, draw, pointwise

EXTRA = (512, 256, 256, 128)  # channels of the maps behind those of the network
RATIOS = (2.0, 3.0)  # of the sides of anchors, beside squares
SMALLEST, LARGEST = 0.2, 0.95  # anchors of the first and the last map, shares of the picture
ANCHORS = 2 + 2 * len(RATIOS)  # at each place
WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # an answer moves its anchor by a tenth, scales it by e to a fifth


class Scoring(nn.ModuleList):
    """For each map a depthwise and a pointwise convolution, `numbers` at each of its anchors.

    Maps -> (batch, anchors, numbers), map by map, row by row.
    """

    def __init__(self, channels: Sequence[int], numbers: int) -> None:
        super().__init__(
            nn.Sequential(depthwise(c, act=nn.ReLU6), nn.Conv2d(c, ANCHORS * numbers, 1))
            for c in channels
        )
        self.numbers = numbers

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        found = []
        for layers, map_ in zip(self, maps, strict=True):
            y: Tensor = layers(map_)
            batch, _, height, width = y.shape
            y = y.view(batch, ANCHORS, self.numbers, height, width).permute(0, 3, 4, 1, 2)
            found.append(y.reshape(batch, height * width * ANCHORS, self.numbers))
        return torch.cat(found, 1)


class SSDLite(Detector):
    """Maps (batch, channels, height, width) to (batch, anchors, 1 + num_classes + 4).

    Of each anchor there are the logits of the background and of the classes, and how its centre
    moves and its sides grow (WEIGHTS). In training its own left, top, right and bottom edge, in
    pixels, stand behind them, so that the loss needs nothing besides.
    """

    answering = ("classes_of.",)

    def __init__(self, network: ImageClassifier, num_classes: int) -> None:
        super().__init__(num_classes, network.in_chans)
        self.backbone = LateFeatures(network, "expansion")
        last = self.backbone.reductions[-1]
        self.strides = (*self.backbone.reductions, *(last << n for n in range(1, len(EXTRA) + 1)))
        channels = [*self.backbone.channels, *EXTRA]
        self.extra = nn.ModuleList(
            nn.Sequential(
                pointwise(wide, out // 2, act=nn.ReLU6),
                depthwise(out // 2, stride=2, act=nn.ReLU6),
                pointwise(out // 2, out, act=nn.ReLU6),
            )
            for wide, out in pairwise(channels[1:])
        )
        self.classes_of, self.moves_of = Scoring(channels, 1 + num_classes), Scoring(channels, 4)
        for part in (self.extra, self.classes_of, self.moves_of):
            _initialise(part)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.backbone(x)
        for extra in self.extra:
            maps.append(extra(maps[-1]))
        found = torch.cat((self.classes_of(maps), self.moves_of(maps)), 2)
        if not self.training:
            return found
        places = self.places(x.shape[-2:]).to(found)
        return torch.cat((found, places.expand(len(found), -1, -1)), 2)

    def places(self, size: Sequence[int]) -> Tensor:
        """(anchors, 4) for pictures of (height, width): left, top, right, bottom, in pixels."""
        height, width = size
        picture, maps = torch.tensor((width, height)), []
        for stride, sides in zip(self.strides, sides_of(len(self.strides)), strict=True):
            # A padded convolution of stride 2 rounds up.
            rows, columns = -(-height // stride), -(-width // stride)
            y, x = (torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns
            centres = torch.cartesian_prod(y, x).flip(1)[:, None]
            half = torch.tensor(sides) / 2
            corners = torch.cat((centres - half, centres + half), 2).flatten(0, 1)
            maps.append(corners * picture.repeat(2))
        return torch.cat(maps)

    def decode(self, answers: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (batch, anchors, 4) in pixels and scores (batch, anchors, num_classes), 0 to 1."""
        scores = answers[..., :-4].softmax(-1)[..., 1:]
        return moved(answers[..., -4:], places, WEIGHTS), scores

    def told(self) -> dict[str, Any]:
        """Moved anchors: of each map its stride, and the sides (width, height) of its anchors."""
        sides = sides_of(len(self.strides))
        return {"kind": "anchors", "strides": list(self.strides), "sides": sides,
                "weights": list(WEIGHTS), "largest": LARGEST_SCALE}  # fmt: skip


def sides_of(maps: int) -> list[list[list[float]]]:
    """For each map (width, height) of its anchors as shares of the picture (SSD, section 2.2)."""
    step = (LARGEST - SMALLEST) / (maps - 1)
    scales = [*(SMALLEST + step * number for number in range(maps)), 1.0]
    found = []
    for scale, next_scale in pairwise(scales):
        between = (scale * next_scale) ** 0.5
        sides = [[scale, scale], [between, between]]
        for ratio in RATIOS:
            root = ratio**0.5
            sides += [[scale * root, scale / root], [scale / root, scale * root]]
        found.append([[min(side, 1.0) for side in pair] for pair in sides])
    return found


def _initialise(part: nn.Module) -> None:
    """As torchvision: small weights, and statistics that look far back."""
    for module in part.modules():
        if isinstance(module, nn.Conv2d):
            draw(module.weight, 0.03)
            if module.bias is not None and not module.bias.is_meta:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.eps, module.momentum = 1e-3, 0.03
