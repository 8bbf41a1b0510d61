"""Answers that move boxes: the parametrisation of R-CNN (arXiv 1311.2524, appendix C)."""

from collections.abc import Sequence
from math import log

import torch
from torch import Tensor

LARGEST_SCALE = log(1000 / 16)  # of a side, as the answers have it


def moved(moves: Tensor, anchors: Tensor, weights: Sequence[float]) -> Tensor:
    """(…, 4) moves of anchors -> boxes (…, 4); both are left, top, right, bottom.

    A move is of the centre, in sides of the anchor, and the logarithms of the sides' ratios, each
    times its weight.
    """
    sides = anchors[..., 2:] - anchors[..., :2]
    centres = anchors[..., :2] + 0.5 * sides
    across, down, wider, higher = (moves[..., n] / weight for n, weight in enumerate(weights))
    centres = torch.stack((across, down), -1) * sides + centres
    half = 0.5 * torch.stack((wider, higher), -1).clamp(max=LARGEST_SCALE).exp() * sides
    return torch.cat((centres - half, centres + half), -1)


def moves_to(boxes: Tensor, anchors: Tensor, weights: Sequence[float]) -> Tensor:
    """(…, 4) moves by which the anchors become these boxes: the inverse of `moved`."""
    sides, centres = boxes[..., 2:] - boxes[..., :2], (boxes[..., :2] + boxes[..., 2:]) / 2
    own = anchors[..., 2:] - anchors[..., :2]
    away = (centres - (anchors[..., :2] + anchors[..., 2:]) / 2) / own
    return torch.cat((away, (sides / own).log()), -1) * away.new_tensor(weights)
