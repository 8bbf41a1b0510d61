"""A detector as batches go through it: in training its answers, in evaluation the boxes of them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from martlet.models.detectors import Detector
from martlet.tasks.detection.limits import MOST_BOXES, NO_BOX
from martlet.tasks.detection.select import select


class Selecting(nn.Module):
    """(batch, in_chans, height, width) -> in training what the detector puts out; else boxes.

    In training it takes targets too, for detectors that draw samples by them.

    These are (batch, 100, 6): left, top, right and bottom in pixels of the network's picture, score
    and class, the highest score first; rows of class -1 are no boxes. The weights are the
    detector's own, not copies.
    """

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector, self.training = detector, detector.training

    def forward(self, x: Tensor, targets: Tensor | None = None) -> Tensor:
        answers: Tensor = self.detector(x) if targets is None else self.detector(x, targets)
        if self.training:
            return answers
        height, width = x.shape[-2:]
        places = self.detector.places((height, width)).to(answers)
        corners, scores = self.detector.decode(answers, places)
        return torch.stack(
            [
                as_rows(*select(boxes.float(), values.float(), (height, width)))
                for boxes, values in zip(corners, scores, strict=True)
            ]
        )


def as_rows(corners: Tensor, scores: Tensor, classes: Tensor) -> Tensor:
    """(100, 6) of the boxes of one picture."""
    rows = torch.cat((corners, scores[:, None], classes[:, None].to(corners)), 1)
    return F.pad(rows, (0, 0, 0, MOST_BOXES - len(rows)), value=NO_BOX)
