"""The loss of SSDLite: that of SSD (arXiv 1512.02325, section 2.2).

An anchor learns the box that it overlaps most if that is half of both or more; each box is learnt
by the anchor that overlaps it most besides. Places move by smooth L1; of the anchors that learn no
box, the three that are most wrong for each that learns one learn the background.

Differences from the paper: anchors that a crowd covers are no background.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import box_iou

from martlet.models.detectors.boxes_of_anchors import moves_to
from martlet.models.detectors.ssdlite import WEIGHTS
from martlet.tasks.detection.assignment import NONE, within

LEAST_OVERLAP = 0.5
NEGATIVES = 3  # for each anchor that learns a box
BACKGROUND = 0


def ssd_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean over the anchors that learn a box.

    outputs: (batch, anchors, 1 + classes + 4 + 4), as SSDLite puts them out in training.
    targets: (batch, n, 6): class, left, top, right, bottom in pixels of the network's picture, and
        1 for a crowd; rows of class -1 are no boxes.
    """
    anchors = outputs[0, :, -4:].detach()
    logits, moves = outputs[..., :-8], outputs[..., -8:-4]
    matched = [matches(anchors, wanted) for wanted in targets]
    box = torch.stack([own for own, _ in matched])
    crowded = torch.stack([covered for _, covered in matched])
    mine = box >= 0
    rows = targets.gather(1, box.clamp_min(0)[..., None].expand(-1, -1, targets.shape[2]))
    asked = moves_to(rows[..., 1:5].to(moves), anchors, WEIGHTS)
    around = F.smooth_l1_loss(moves[mine], asked[mine], reduction="sum")
    labels = torch.where(mine, rows[..., 0].long() + 1, BACKGROUND)
    classes = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    with torch.no_grad():
        wrong = classes.masked_fill(mine | crowded, -torch.inf)
        rank = wrong.argsort(1, descending=True).argsort(1)
        hardest = (rank < NEGATIVES * mine.sum(1, keepdim=True)) & wrong.isfinite()
    return (around + (classes * (mine | hardest)).sum()) / mine.sum().clamp_min(1)


@torch.no_grad()
def matches(anchors: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """(anchors,) of each the row of `targets` (n, 6) that it learns, or NONE, and whether a crowd
    covers it.
    """
    real = targets[:, 0] >= 0
    crowds = targets[real & (targets[:, 5] > 0), 1:5].to(anchors)
    numbers = torch.nonzero(real & (targets[:, 5] == 0)).flatten()
    crowded = within((anchors[:, :2] + anchors[:, 2:]) / 2, crowds).any(1)
    nothing = torch.full((len(anchors),), NONE, device=anchors.device)
    if not len(numbers):
        return nothing, crowded
    overlap = box_iou(targets[numbers, 1:5].to(anchors), anchors)  # (n, anchors)
    most, best = overlap.max(0)
    found = torch.where(most >= LEAST_OVERLAP, numbers[best], nothing)
    # One after the other: of two boxes with one best anchor the later one has it.
    for number, anchor in zip(numbers, overlap.argmax(1), strict=True):
        found[anchor] = number
    return found, crowded
