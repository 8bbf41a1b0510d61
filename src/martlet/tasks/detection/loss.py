"""The loss of the detector Lite: scores by cross-entropy, boxes by GIoU and as distributions.

A box's distances learn by GIoU (arXiv 1902.09630) and by the distribution focal loss (Generalized
Focal Loss, arXiv 2006.04388). Each place of a box counts by the score that is asked of it, and all
is divided by the sum of these scores over the batch.

Differences from Generalized Focal Loss, measured in docs/detection.md:

- Scores learn by cross-entropy, not by the quality focal loss. Its factor is the square of what is
  lacking, and as long as boxes lie badly little is asked for: where it is 0.1, a hundredth is
  learnt of what is right.
- Boxes and distributions weigh 5 and 1, not 2 and 1/4: no difference is seen beside the other one.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import generalized_box_iou_loss

from martlet.models.detectors.lite import BINS, PLACE, boxes_of
from martlet.tasks.detection.assignment import Assigned, assign

IOU_WEIGHT, DISTRIBUTION_WEIGHT = 5.0, 1.0


class Parts(NamedTuple):
    """Sums over a batch, undivided, and the sum of scores that divides them."""

    classes: Tensor
    boxes: Tensor
    distributions: Tensor
    scores: Tensor

    @property
    def loss(self) -> Tensor:
        """The weighted sum."""
        parts = self.classes + IOU_WEIGHT * self.boxes + DISTRIBUTION_WEIGHT * self.distributions
        return parts / self.scores.clamp_min(1.0)


def detection_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean loss of a batch.

    outputs: (batch, places, classes + 4 · 8 + 3), as Lite puts them out in training.
    targets: (batch, n, 6): class, left, top, right, bottom in pixels of the network's picture, and
        1 for a crowd; rows of class -1 are no boxes.
    """
    return loss_parts(outputs, targets).loss


def loss_parts(outputs: Tensor, targets: Tensor) -> Parts:
    """The loss part by part; arguments as of `detection_loss`."""
    places = outputs[..., -PLACE:].detach()
    logits = outputs[..., : -PLACE - 4 * BINS]
    distances = outputs[..., -PLACE - 4 * BINS : -PLACE]
    boxes = boxes_of(distances, places)
    scores = logits.detach().sigmoid()
    picked = [
        assign(scores[number], boxes[number].detach(), places[number], targets[number])
        for number in range(len(outputs))
    ]
    assigned = Assigned(*map(torch.stack, zip(*picked, strict=True)))
    mine = assigned.box >= 0
    rows = targets.gather(1, assigned.box.clamp_min(0)[..., None].expand(-1, -1, targets.shape[2]))
    asked = torch.zeros_like(logits)
    asked.scatter_(2, rows[..., :1].long().clamp_min(0), (assigned.score * mine)[..., None])
    cross = F.binary_cross_entropy_with_logits(logits, asked, reduction="none")
    weight, corners = assigned.score[mine], rows[mine][:, 1:5].to(boxes.dtype)
    around = generalized_box_iou_loss(boxes[mine], corners, reduction="none")
    return Parts(
        classes=(cross * ~assigned.ignored[..., None]).sum(),
        boxes=(around * weight).sum(),
        distributions=(_distribution_loss(distances[mine], corners, places[mine]) * weight).sum(),
        scores=assigned.score.sum(),
    )


def _distribution_loss(distances: Tensor, corners: Tensor, places: Tensor) -> Tensor:
    """(n,) of n places: cross-entropy to the two whole strides on both sides of each distance.

    A distance beyond what the bins reach asks for the last one.
    """
    centre, stride = places[:, :2], places[:, 2:]
    true = torch.cat((centre - corners[:, :2], corners[:, 2:] - centre), 1) / stride
    true = true.clamp(0, BINS - 1 - 1e-3)
    below = true.floor()
    share = true - below
    logs = distances.unflatten(1, (4, BINS)).log_softmax(2)
    at = below.long()[..., None]
    low, high = logs.gather(2, at).squeeze(2), logs.gather(2, at + 1).squeeze(2)
    return -((1 - share) * low + share * high).mean(1)
