"""Which places of a detector's maps learn which box: task-aligned assignment.

TOOD (arXiv 2108.07755), section 3.2: of the places that lie in a box, those that already score and
place it best learn it, and the better one does so, the higher is the score that it is asked for.

Differences from the paper:

- A box in which no centre of a place lies gets the nearest place of the finest map; else the
  smallest objects would never be learnt.
- The score's power is 0.5, not 1, as in later users of the method: scores of fresh networks are all
  alike, and the boxes decide.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.ops import box_iou

NONE = -1  # the class of rows that stand for no box
CANDIDATES = 10  # places that learn a box, at most
SCORE_POWER, IOU_POWER = 0.5, 6.0
EPSILON = 1e-9


class Assigned(NamedTuple):
    """What the places of one picture learn.

    box: (places,) number of the box, NONE where there is none.
    score: (places,) the score asked for of the box's class, 0 to 1; 0 where there is none.
    ignored: (places,) those within a crowd, which learn nothing of classes.
    """

    box: Tensor
    score: Tensor
    ignored: Tensor


@torch.no_grad()
def assign(scores: Tensor, boxes: Tensor, places: Tensor, targets: Tensor) -> Assigned:
    """Boxes to the places of one picture.

    scores: (places, classes) 0 to 1, and boxes: (places, 4), as the network answers now.
    places: (places, 3): centre x, centre y, stride.
    targets: (n, 6): class, left, top, right, bottom, and 1 for a crowd; class NONE: no box.
    """
    real = targets[:, 0] >= 0
    crowds = targets[real & (targets[:, 5] > 0), 1:5]
    ignored = within(places, crowds).any(1)
    numbers = torch.nonzero(real & (targets[:, 5] == 0)).flatten()
    nothing = torch.full((len(places),), NONE, device=places.device)
    if not len(numbers):
        return Assigned(nothing, scores.new_zeros(len(places)), ignored)
    wanted = targets[numbers]
    corners, classes = wanted[:, 1:5].to(boxes.dtype), wanted[:, 0].long()
    overlap = box_iou(boxes, corners)  # (places, n)
    fit = scores[:, classes] ** SCORE_POWER * overlap**IOU_POWER
    near = _candidates(places, corners)
    # The best of those near a box; by distance alone they would be of one level.
    worth = torch.where(near, fit + EPSILON, 0.0)
    best = worth.topk(min(CANDIDATES, len(places)), dim=0)
    chosen = torch.zeros_like(near).scatter(0, best.indices, best.values > 0)
    # A place that several boxes chose learns the one that it overlaps most.
    choice = torch.where(chosen, overlap + EPSILON, 0.0).max(1)
    taken = choice.values > 0
    owner = torch.where(taken, choice.indices, 0)
    kept = chosen & (owner[:, None] == torch.arange(len(numbers), device=owner.device))
    highest = torch.where(kept, fit, 0.0).amax(0)
    closest = torch.where(kept, overlap, 0.0).amax(0)
    share = fit / highest.clamp_min(EPSILON) * closest
    score = share.gather(1, owner[:, None]).squeeze(1) * taken
    return Assigned(torch.where(taken, numbers[owner], nothing), score, ignored & ~taken)


def _candidates(places: Tensor, corners: Tensor) -> Tensor:
    """(places, n): whose centres lie in a box; where there are none, the finest map's nearest."""
    inside = within(places, corners)
    middles = (corners[:, :2] + corners[:, 2:]) / 2
    away = (places[:, None, :2] - middles).norm(dim=2)
    away = away.masked_fill(places[:, 2:] > places[:, 2].min(), torch.inf)
    nearest = torch.zeros_like(inside).scatter(0, away.argmin(0, keepdim=True), True)
    return inside | (nearest & ~inside.any(0))


def within(places: Tensor, corners: Tensor) -> Tensor:
    """(places, n): whether a place's centre, its first two numbers, lies within a box (n, 4)."""
    x, y = places[:, :1], places[:, 1:2]
    left, top, right, bottom = corners.T
    return (x > left) & (x < right) & (y > top) & (y < bottom)
