"""Lite: boxes from a light backbone, without anchors, for small devices.

It is of the kind of NanoDet-Plus and PicoDet (arXiv 2111.00902): a light path over the backbone's
levels, a head of depthwise convolutions that all levels share, and at each place of each map a
score for every class and the box's four distances as distributions (Generalized Focal Loss, arXiv
2006.04388). tasks/detection/ assigns boxes to places and has the loss.

Differences from these papers:

- Maps are added, not joined, and no ghost modules widen them: fewer multiply-adds at equal width.
- Convolutions of neck and head are shared over the levels, batch norm is not.
- One branch gives classes and distances; no second head helps in training.
"""

from collections.abc import Iterator, Sequence
from math import log
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.models.detectors.detector import LEVELS, Detector
from martlet.models.detectors.neck import Neck
from martlet.models.detectors.shared_conv import SharedSeparable
from martlet.models.features import FeatureExtractor
from martlet.ops.conv import draw, initialise

WIDTH = 96  # channels of neck and head
DEPTH = 2  # depthwise and pointwise convolutions of the head, pairs
BINS = 8  # of a distance, which is their mean, in strides: 0 to 7

RARE = 0.01  # the score that every class has everywhere before training
NEAR, STEEP = 1.5, 0.7  # bins around this one are likeliest then, each further one by e^-0.7 less
PLACE = 3  # numbers behind those of a place's answer: its centre (x, y) and stride, in pixels


class Lite(Detector):
    """Maps (batch, channels, height, width) to (batch, places, num_classes + 4 · 8).

    Places lie level by level, from fine to coarse, row by row. Of each there are the logits of the
    classes and the logits of the distances from its centre to the left, top, right and bottom edge,
    8 each. In training the centre and the stride of the place stand behind them, so that the loss
    needs nothing besides.
    """

    answering = ("answer.",)

    def __init__(self, backbone: FeatureExtractor, num_classes: int, width: int = WIDTH) -> None:
        super().__init__(num_classes, backbone.in_chans)
        info = backbone.feature_info
        if len(info.out_indices) != LEVELS:
            raise MartletError(
                f"a detector takes {LEVELS} levels of its backbone, and this gives "
                f"{len(info.out_indices)}; give out_indices={LEVELS}."
            )
        last = info.reduction()[-1]
        self.strides = (*info.reduction(), 2 * last)
        self.backbone = backbone
        self.neck = Neck(info.channels(), width)
        levels = len(self.strides)
        self.head = nn.ModuleList(SharedSeparable(width, levels) for _ in range(DEPTH))
        self.answer = nn.Conv2d(width, num_classes + 4 * BINS, 1)
        for part in (self.neck, self.head):
            initialise(part)
        draw(self.answer.weight, 0.01)
        bias = self.answer.bias
        assert bias is not None
        if not bias.is_meta:
            bias.data = _first_answers(num_classes)

    def forward(self, x: Tensor) -> Tensor:
        answers = [
            self._answer(map_, level).flatten(2).transpose(1, 2)
            for level, map_ in enumerate(self.neck(self.backbone(x)))
        ]
        found = torch.cat(answers, 1)
        if not self.training:
            return found
        places = self.places(x.shape[-2:]).to(found)
        return torch.cat((found, places.expand(len(found), -1, -1)), 2)

    def _answer(self, x: Tensor, level: int) -> Tensor:
        for shared in self.head:
            x = shared(x, level)
        answer: Tensor = self.answer(x)
        return answer

    def places(self, size: Sequence[int]) -> Tensor:
        """(places, 3) for pictures of (height, width): centre x, centre y, stride, in pixels."""
        return torch.cat(list(self._places(size)))

    def decode(self, answers: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (batch, places, 4) in pixels and scores (batch, places, num_classes), 0 to 1."""
        boxes = boxes_of(answers[..., -4 * BINS :], places)
        return boxes, answers[..., : -4 * BINS].sigmoid()

    def told(self) -> dict[str, Any]:
        """Distances as distributions, at places of maps that are so many times smaller."""
        return {"kind": "distances", "bins": BINS, "strides": list(self.strides)}

    def _places(self, size: Sequence[int]) -> Iterator[Tensor]:
        height, width = size
        for stride in self.strides:
            # A padded convolution of stride 2 rounds up.
            y = torch.arange(-(-height // stride)) * stride + stride / 2
            x = torch.arange(-(-width // stride)) * stride + stride / 2
            centres = torch.cartesian_prod(y, x).flip(1)
            yield F.pad(centres, (0, 1), value=float(stride))


def _first_answers(num_classes: int) -> Tensor:
    """Of a fresh network: rare classes, boxes of about four strides, as most are of their level."""
    classes = torch.full((num_classes,), -log(1 / RARE - 1))
    bins = -STEEP * (torch.arange(BINS) - NEAR).abs()
    return torch.cat((classes, bins.repeat(4)))


def boxes_of(distances: Tensor, places: Tensor) -> Tensor:
    """(…, places, 4 · 8) logits of distances -> (…, places, 4) boxes in pixels."""
    shares = distances.unflatten(-1, (4, BINS)).softmax(-1)
    steps = torch.arange(BINS, device=distances.device, dtype=distances.dtype)
    reach = (shares * steps).sum(-1) * places[..., 2:]
    centre = places[..., :2]
    return torch.cat((centre - reach[..., :2], centre + reach[..., 2:]), -1)
