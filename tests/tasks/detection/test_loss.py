"""The detector's loss, part by part against the papers' formulas."""

import torch
from torch import Tensor

from martlet.models.detectors.lite import BINS, boxes_of
from martlet.tasks.detection.assignment import assign
from martlet.tasks.detection.loss import detection_loss, loss_parts

CLASSES = 2


def outputs(batch: int = 2, side: int = 32) -> Tensor:
    torch.manual_seed(0)
    at = torch.arange(side // 8) * 8 + 4.0
    centres = torch.cartesian_prod(at, at).flip(1)
    places = torch.cat((centres, torch.full((len(centres), 1), 8.0)), 1)
    answers = torch.randn(batch, len(places), CLASSES + 4 * BINS)
    return torch.cat((answers, places.expand(batch, -1, -1)), 2)


TARGETS = torch.tensor(
    [
        [[1.0, 2, 3, 21, 19, 0], [0, 10, 10, 30, 31, 0]],
        [[0.0, 0, 0, 16, 16, 0], [-1, 0, 0, 0, 0, 0]],
    ]
)


def test_by_the_papers_formulas() -> None:
    given = outputs()
    found = loss_parts(given, TARGETS)
    classes = boxes = distributions = scores = 0.0
    for one, wanted in zip(given, TARGETS, strict=True):
        logits, distances, places = one.split((CLASSES, 4 * BINS, 3), 1)
        corners = boxes_of(distances, places)
        chosen = assign(logits.sigmoid(), corners, places, wanted)
        for place in range(len(places)):
            for kind in range(CLASSES):
                row = int(chosen.box[place])
                y = float(chosen.score[place]) if row >= 0 and wanted[row, 0] == kind else 0.0
                p = float(logits[place, kind].sigmoid())
                cross = y * torch.tensor(p).log() + (1 - y) * torch.tensor(1 - p).log()
                classes -= float(cross)
            if chosen.box[place] < 0:
                continue
            box, weight = wanted[int(chosen.box[place]), 1:5], float(chosen.score[place])
            scores += weight
            boxes += weight * (1 - giou(corners[place], box))
            distributions += weight * dfl(distances[place], places[place], box)
    for value, expected in zip(found, (classes, boxes, distributions, scores), strict=True):
        torch.testing.assert_close(float(value), float(expected), rtol=1e-4, atol=1e-5)
    total = (classes + 5 * boxes + distributions) / max(scores, 1.0)
    torch.testing.assert_close(
        float(detection_loss(given, TARGETS)), float(total), rtol=1e-4, atol=0
    )


def giou(a: Tensor, b: Tensor) -> float:
    left, top = torch.maximum(a[:2], b[:2])
    right, bottom = torch.minimum(a[2:], b[2:])
    both = max(0.0, float(right - left)) * max(0.0, float(bottom - top))
    either = float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])) - both
    hull = torch.maximum(a[2:], b[2:]) - torch.minimum(a[:2], b[:2])
    return both / either - (float(hull.prod()) - either) / float(hull.prod())


def dfl(distances: Tensor, place: Tensor, box: Tensor) -> float:
    x, y, stride = place.tolist()
    edges = (x - box[0], y - box[1], box[2] - x, box[3] - y)
    losses = []
    for edge, logits in zip(edges, distances.reshape(4, BINS), strict=True):
        true = min(max(float(edge) / stride, 0.0), BINS - 1 - 1e-3)
        low, logs = int(true), logits.log_softmax(0)
        losses.append(-(low + 1 - true) * logs[low] - (true - low) * logs[low + 1])
    return float(sum(losses) / 4)


def test_it_falls_where_answers_are_right() -> None:
    given = outputs(1)
    wanted = TARGETS[1:]
    right = given.clone()
    right[..., :CLASSES] = -6.0
    logits, distances, places = right[0].split((CLASSES, 4 * BINS, 3), 1)
    inside = (places[:, :2] < 16).all(1)
    edges = torch.stack((places[:, 0], places[:, 1], 16 - places[:, 0], 16 - places[:, 1]), 1) / 8
    for place in torch.nonzero(inside).flatten():
        logits[place, 0] = 6.0
        spread = torch.full((4, BINS), -20.0)
        for edge, true in enumerate(edges[place].tolist()):
            low = int(true)
            spread[edge, low] = torch.tensor(low + 1 - true).clamp_min(1e-6).log()
            spread[edge, low + 1] = torch.tensor(true - low).clamp_min(1e-6).log()
        distances[place] = spread.flatten()
    right = torch.cat((logits, distances, places), 1)[None]
    assert detection_loss(right, wanted) < 0.25 * detection_loss(given, wanted)
    assert loss_parts(right, wanted).boxes < 1e-3


def test_no_boxes_and_crowds() -> None:
    given = outputs(1).requires_grad_()
    nothing = torch.tensor([[[-1.0, 0, 0, 0, 0, 0]]])
    loss = detection_loss(given, nothing)
    loss.backward()
    assert given.grad is not None
    assert torch.isfinite(given.grad).all()
    assert given.grad[..., :CLASSES].abs().sum() > 0
    assert not given.grad[..., CLASSES:].any()
    crowd = torch.tensor([[[0.0, 0, 0, 32, 32, 1]]])
    assert detection_loss(given, crowd) == 0
    corner = torch.tensor([[[0.0, 0, 0, 16, 32, 1]]])
    assert 0 < detection_loss(given, corner) < loss
