"""Boxes selected without torch are those selected with it."""

import numpy as np
import pytest
import torch
from torchvision.ops import nms

from martlet.tasks.detection.rows import selected, suppressed
from martlet.tasks.detection.select import select
from martlet.tasks.detection.selecting import as_rows

SIZE = (80, 96)


def answers(seed: int, places: int, classes: int) -> np.ndarray:
    """Boxes on a coarse grid and scores with ties, so that equal ones are met."""
    rng = np.random.default_rng(seed)
    middle = rng.integers(-1, 13, (places, 2)) * 8.0
    sides = rng.integers(0, 8, (places, 2)) * 6.0
    corners = np.concatenate((middle - sides / 2, middle + sides / 2), 1)
    scores = rng.integers(0, 21, (places, classes)) / 20 * rng.random((places, 1)).round(1)
    return np.concatenate((corners, scores), 1).astype(np.float32)


@pytest.mark.parametrize("classes", [1, 3])
def test_by_torchs_selection(classes: int) -> None:
    height, width = SIZE
    sides = np.array((width, height, width, height), np.float32)
    for seed in range(60):
        given = answers(seed, 1 + 13 * seed, classes)
        torched = torch.from_numpy(given)
        expected = as_rows(*select(torched[:, :4], torched[:, 4:], SIZE)).numpy()
        fractions = np.concatenate((given[:, :4] / sides, given[:, 4:]), 1)
        (found,) = selected(fractions[None], SIZE)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_suppression_is_torchvisions_on_a_thousand_sets() -> None:
    rng = np.random.default_rng(0)
    for number in range(1000):
        count = int(rng.integers(0, 40))
        low = rng.integers(0, 20, (count, 2))
        boxes = np.concatenate((low, low + rng.integers(1, 20, (count, 2))), 1).astype(np.float32)
        scores = torch.arange(count, 0, -1, dtype=torch.float32)
        most = (0.3, 0.5, 0.6)[number % 3]
        expected = nms(torch.from_numpy(boxes), scores, most).numpy()
        assert np.array_equal(suppressed(boxes, most), expected)


def test_nothing_is_selected_of_nothing() -> None:
    assert (selected(np.zeros((2, 5, 6), np.float32), SIZE) == -1).all()
    assert selected(np.zeros((0, 5, 6), np.float32), SIZE).shape == (0, 100, 6)
