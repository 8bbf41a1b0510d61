"""Which of a detector's many answers are boxes: a threshold, then non-maximum suppression."""

from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.ops import batched_nms, clip_boxes_to_image

LEAST_SCORE = 0.05
MOST_OVERLAP = 0.6  # IoU above which the lower of two boxes of a class goes
MOST_BOXES = 100  # of a picture, as COCO scores them
MOST_CANDIDATES = 1000


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

    corners: (places, 4); scores: (places, classes). A place may answer with several classes; boxes
    are cut to the picture, and what has no area there is none.
    """
    values, flat = scores.flatten().sort(descending=True, stable=True)
    count = int((values > least).sum())
    values, flat = values[: min(count, MOST_CANDIDATES)], flat[: min(count, MOST_CANDIDATES)]
    place = torch.div(flat, scores.shape[1], rounding_mode="floor")
    classes = flat % scores.shape[1]
    boxes = clip_boxes_to_image(corners[place], size)
    real = (boxes[:, 2:] > boxes[:, :2]).all(1)
    boxes, values, classes = boxes[real], values[real], classes[real]
    kept = batched_nms(boxes, values, classes, overlap)[:most]
    return Boxes(boxes[kept], values[kept], classes[kept])
