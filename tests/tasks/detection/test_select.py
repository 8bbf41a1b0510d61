"""What of a detector's answers is kept, against a plain loop."""

import pytest
import torch
from torch import Tensor
from torchvision.ops import box_iou

from martlet.tasks.detection.limits import MOST_BOXES
from martlet.tasks.detection.select import select


def random_answers(seed: int, places: int = 60, classes: int = 3) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    middle, side = torch.rand(places, 2) * 100, 5 + torch.rand(places, 2) * 40
    scores = torch.rand(places, classes) ** 3
    return torch.cat((middle - side / 2, middle + side / 2), 1), (scores * 20).round() / 20


def plainly(corners: Tensor, scores: Tensor, least: float, overlap: float) -> list[tuple[int, int]]:
    """(place, class) of each box, the highest score first; of equal ones the earlier place."""
    pairs = [
        (-float(scores[p, c]), p, c)
        for p in range(len(scores))
        for c in range(scores.shape[1])
        if scores[p, c] > least
    ]
    cut = corners.clone()
    cut[:, 0::2] = cut[:, 0::2].clamp(0, 90)
    cut[:, 1::2] = cut[:, 1::2].clamp(0, 80)
    kept: list[tuple[int, int]] = []
    for _, place, kind in sorted(pairs):
        left, top, right, bottom = cut[place].tolist()
        if right <= left or bottom <= top:
            continue
        others = [p for p, c in kept if c == kind]
        if others and float(box_iou(cut[place][None], cut[others]).max()) > overlap:
            continue
        kept.append((place, kind))
    return kept[:MOST_BOXES]


@pytest.mark.parametrize("seed", range(20))
def test_by_a_plain_loop(seed: int) -> None:
    corners, scores = random_answers(seed)
    found = select(corners, scores, (80, 90), least=0.1, overlap=0.5)
    expected = plainly(corners, scores, 0.1, 0.5)
    cut = corners.clone()
    cut[:, 0::2] = cut[:, 0::2].clamp(0, 90)
    cut[:, 1::2] = cut[:, 1::2].clamp(0, 80)
    places = torch.tensor([place for place, _ in expected], dtype=torch.long)
    kinds = torch.tensor([kind for _, kind in expected], dtype=torch.long)
    torch.testing.assert_close(found.scores, scores[places, kinds])
    assert sorted(zip(found.classes.tolist(), found.corners.tolist(), strict=True)) == sorted(
        zip(kinds.tolist(), cut[places].tolist(), strict=True)
    )


def test_nothing_above_the_threshold() -> None:
    found = select(torch.rand(5, 4), torch.zeros(5, 2), (10, 10))
    assert [tuple(part.shape) for part in found] == [(0, 4), (0,), (0,)]


def test_no_more_than_asked_for() -> None:
    corners, scores = random_answers(3)
    assert len(select(corners, scores, (80, 90), least=0.0, most=7).scores) == 7
