"""A detector with its decoding: boxes and scores of every place, before any is selected."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from martlet.models.detectors import Detector


class Decoded(nn.Module):
    """(batch, in_chans, height, width) -> (batch, places, 4 + num_classes).

    Of each place left, top, right and bottom in pixels of the network's picture, outside of which
    they may lie, then a score for every class, 0 to 1. The weights are the detector's own, not
    copies; it answers as in evaluation, for pictures of the one size.
    """

    places: Tensor

    def __init__(self, detector: Detector, size: Sequence[int]) -> None:
        super().__init__()
        self.detector = detector.eval()
        self.register_buffer("places", detector.places(size), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(self.detector.decode(self.detector(x), self.places), 2)
