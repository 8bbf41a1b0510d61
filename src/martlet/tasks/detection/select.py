"""Which of a detector's many answers are boxes: a threshold, then non-maximum suppression."""

from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.ops import clip_boxes_to_image, nms

from martlet.tasks.detection.limits import (
    LEAST_SCORE,
    MOST_BOXES,
    MOST_CANDIDATES,
    MOST_OVERLAP,
)


class Boxes(NamedTuple):
    """Of one picture, the highest score first.

    corners: (n, 4) left, top, right, bottom in pixels; scores: (n,); classes: (n,).
    """

    corners: Tensor
    scores: Tensor
    classes: Tensor


def select(
    corners: Tensor,
    scores: Tensor,
    size: tuple[int, int],
    *,
    least: float = LEAST_SCORE,
    overlap: float = MOST_OVERLAP,
    most: int = MOST_BOXES,
) -> Boxes:
    """The boxes of one picture of (height, width).

    corners: (places, 4), or (places, classes, 4) where each class has its own; scores: (places,
    classes). A place may answer with several classes; boxes are cut to the picture, and what has no
    area there is none.
    """
    values, flat = scores.flatten().sort(descending=True, stable=True)
    count = int((values > least).sum())
    values, flat = values[: min(count, MOST_CANDIDATES)], flat[: min(count, MOST_CANDIDATES)]
    place = torch.div(flat, scores.shape[1], rounding_mode="floor")
    classes = flat % scores.shape[1]
    own = corners[place] if corners.dim() == 2 else corners[place, classes]
    boxes = clip_boxes_to_image(own, size)
    real = (boxes[:, 2:] > boxes[:, :2]).all(1)
    boxes, values, classes = boxes[real], values[real], classes[real]
    # Class by class: torchvision's batched_nms moves classes apart, which rounds the overlaps.
    kinds = [torch.nonzero(classes == kind).flatten() for kind in classes.unique()]
    chosen = [some[nms(boxes[some], values[some], overlap)] for some in kinds]
    kept = torch.cat([*chosen, classes.new_empty(0)]).sort().values[:most]
    return Boxes(boxes[kept], values[kept], classes[kept])
