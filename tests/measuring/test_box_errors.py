"""Kinds of mistakes, one picture a case."""

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from martlet.measuring.box_errors import KINDS, count_kinds, iou, kinds_of
from martlet.measuring.boxes import Answers, Truth

BOX = (10.0, 10.0, 50.0, 50.0)
NEAR, FAR, AWAY = (12.0, 10, 52, 50), (30.0, 10, 70, 50), (100.0, 100, 140, 140)


def truth(*boxes: tuple[float, ...], crowd: bool = False) -> Truth:
    corners = np.array([box[1:] for box in boxes], np.float32).reshape(-1, 4)
    return Truth(corners, np.array([int(b[0]) for b in boxes], np.int64),
                 np.full(len(boxes), crowd))  # fmt: skip


def answers(*boxes: tuple[float, ...]) -> Answers:
    """class, then corners; each less sure than the one before."""
    corners = np.array([box[1:] for box in boxes], np.float32).reshape(-1, 4)
    scores = np.linspace(0.9, 0.5, len(boxes), dtype=np.float32)
    return Answers(corners, scores, np.array([int(b[0]) for b in boxes], np.int64))


@pytest.mark.parametrize(
    ("found", "kinds", "missed"),
    [
        ([(0, *BOX)], ["right"], [False]),
        ([(1, *NEAR)], ["class"], [False]),
        ([(0, *FAR)], ["place"], [False]),
        ([(1, *FAR)], ["both"], [True]),
        ([(0, *NEAR), (0, *BOX)], ["right", "double"], [False]),
        ([(0, *AWAY)], ["background"], [True]),
        ([], [], [True]),
        ([(1, *NEAR), (0, *BOX)], ["class", "right"], [False]),
    ],
)
def test_each_kind(found: list[tuple[float, ...]], kinds: list[str], missed: list[bool]) -> None:
    assert kinds_of(answers(*found), truth((0, *BOX))) == (kinds, missed)


def test_what_is_unsure_or_in_a_crowd_counts_for_nothing() -> None:
    one = answers((0, *BOX))
    assert kinds_of(one, truth((0, *BOX)), least=0.95) == ([""], [True])
    crowd = truth((0, 0.0, 0.0, 200.0, 200.0), crowd=True)
    assert kinds_of(one, crowd) == ([""], [False])


def test_counts_over_pictures() -> None:
    found = [answers((0, *BOX), (0, *AWAY)), answers()]
    counted = count_kinds(found, [truth((0, *BOX)), truth((1, *BOX), (0, *AWAY))])
    assert counted == {**dict.fromkeys(KINDS, 0), "right": 1, "background": 1, "missed": 2}


def test_overlap_is_torchvisions() -> None:
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 50, (2, 9, 2)).astype(np.float32)
    one, other = np.concatenate((low, low + rng.uniform(1, 40, (2, 9, 2))), 2).astype(np.float32)
    right = box_iou(torch.from_numpy(one), torch.from_numpy(other)).numpy()
    np.testing.assert_allclose(iou(one, other), right, rtol=1e-4, atol=1e-6)
