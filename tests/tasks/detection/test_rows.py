"""Boxes selected without torch are those selected with it."""

import numpy as np
import pytest
import torch
from torchvision.ops import nms

from martlet.tasks.detection.rows import in_pixels, selected, suppressed
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
    for seed in range(60):
        given = answers(seed, 1 + 13 * seed, classes)
        torched = torch.from_numpy(given)
        expected = as_rows(*select(torched[:, :4], torched[:, 4:], SIZE)).numpy()
        (found,) = selected(given[None, :, :4], given[None, :, 4:], SIZE)
        np.testing.assert_array_equal(found, expected)


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
    corners, scores = np.zeros((2, 5, 4), np.float32), np.zeros((2, 5, 2), np.float32)
    assert (selected(corners, scores, SIZE) == -1).all()
    assert selected(corners[:0], scores[:0], SIZE).shape == (0, 100, 6)


def test_fractions_become_pixels_but_for_rows_of_no_box() -> None:
    rows = np.array([[[0.5, 0.25, 1, 1, 0.9, 2], [-1] * 6]], np.float32)
    expected = [[[48, 20, 96, 80, np.float32(0.9), 2], [-1] * 6]]
    np.testing.assert_array_equal(in_pixels(rows, SIZE), np.array(expected, np.float32))
