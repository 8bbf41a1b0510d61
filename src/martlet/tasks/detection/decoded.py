"""A detector as it is exported: boxes and scores of every place, before any is selected."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from martlet.models.detectors import Detector


class Decoded(nn.Module):
    """(batch, in_chans, height, width) -> (batch, places, 4 + num_classes).

    Of each place left, top, right and bottom as fractions of the picture, which may lie outside 0
    to 1, then a score for every class, 0 to 1. The weights are the detector's own, not copies; it
    answers as in evaluation, for pictures of the one size.
    """

    places: Tensor
    sides: Tensor

    def __init__(self, detector: Detector, size: Sequence[int]) -> None:
        super().__init__()
        self.detector = detector.eval()
        height, width = size
        self.register_buffer("places", detector.places(size), persistent=False)
        sides = torch.tensor((width, height, width, height), dtype=torch.float32)
        self.register_buffer("sides", sides, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        boxes, scores = self.detector.decode(self.detector(x), self.places)
        return torch.cat((boxes / self.sides, scores), 2)
