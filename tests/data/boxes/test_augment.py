"""Boxes move with what is in them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from martlet.data.boxes.augment import Augment, build_augment, mosaic_of
from martlet.data.boxes.samples import COLUMNS, NO_BOX

SIZE = 48
Sample = tuple[NDArray[np.uint8], NDArray[np.float32]]


def sample(*boxes: tuple[int, int, int, int], level: int = 255) -> Sample:
    """Bright boxes on black; each of a class of its own."""
    pixels = np.zeros((SIZE, SIZE, 3), np.uint8)
    target = np.zeros((4, COLUMNS), np.float32)
    target[:, 0], target[:, 6:] = NO_BOX, (2.0, 3.0)
    for number, (left, top, right, bottom) in enumerate(boxes):
        pixels[top:bottom, left:right] = level
        target[number, :6] = (number, left, top, right, bottom, 0)
    return pixels, target


def nobody() -> Sample:
    raise AssertionError("no other picture is asked for")


def drawn(augment: Augment, given: Sample, number: int = 40) -> list[Sample]:
    torch.manual_seed(0)
    made = [augment(*given, nobody) for _ in range(number)]
    return [(picture.numpy(), target) for picture, target in made]


def bright(pixels: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """The box around what is brighter than the gray of a canvas."""
    rows, columns = np.nonzero(pixels[..., 0] > 190)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize(
    "options",
    [
        {"flip": False},
        {"flip": True},
        {"flip": False, "zoom_out": 1.0},
        {"flip": True, "zoom_out": 0.5, "box_crop": 0.5},
        {"flip": False, "box_crop": 1.0},
    ],
)
def test_boxes_stay_around_what_they_hold(options: dict[str, float]) -> None:
    pixels, target = sample((10, 6, 34, 30))
    seen = 0
    for picture, boxes in drawn(build_augment(SIZE, **options), (pixels, target)):
        assert picture.shape == (SIZE, SIZE, 3)
        assert picture.dtype == np.uint8
        assert boxes.shape == target.shape
        assert (boxes[:, 6:] == (2.0, 3.0)).all()
        real = boxes[boxes[:, 0] >= 0]
        if len(real):
            seen += 1
            np.testing.assert_allclose(real[0, 1:5], bright(picture), atol=1.6)
    assert seen > 30


def test_nothing_asked_for_changes_nothing() -> None:
    given = sample((10, 6, 34, 30), (0, 40, 20, 48))
    for picture, boxes in drawn(build_augment(SIZE, flip=False), given, 2):
        assert np.array_equal(picture, given[0])
        np.testing.assert_allclose(boxes, given[1])


def test_both_ways_and_by_torchs_seed() -> None:
    given = sample((2, 6, 14, 30))
    made = drawn(build_augment(SIZE), given)
    lefts = {float(boxes[0, 1]) for _, boxes in made}
    assert lefts == {2.0, SIZE - 14.0}
    again = drawn(build_augment(SIZE), given)
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(made, again, strict=True))


def test_a_crop_drops_boxes_of_which_too_little_is_left() -> None:
    given = sample((0, 0, 12, 12), (30, 30, 48, 48))
    counts = set()
    for _, boxes in drawn(build_augment(SIZE, flip=False, box_crop=1.0), given, 80):
        real = boxes[boxes[:, 0] >= 0]
        counts.add(len(real))
        assert set(real[:, 0]) <= {0, 1}
        assert ((real[:, 1:5] >= 0) & (real[:, 1:5] <= SIZE)).all()
        assert ((real[:, 3:5] - real[:, 1:3]) >= 1).all()
    assert counts >= {1, 2}


def test_a_picture_without_boxes_stays_one() -> None:
    options = {"box_crop": 1.0, "zoom_out": 1.0, "color_jitter": 0.3}
    for _, boxes in drawn(build_augment(SIZE, **options), sample(), 8):
        assert (boxes[:, 0] == NO_BOX).all()


def test_four_pictures_make_one() -> None:
    torch.manual_seed(0)
    levels = (60, 110, 170, 230)
    four = [sample((0, 0, SIZE, SIZE), level=level) for level in levels]
    canvas, target = mosaic_of(four)
    assert canvas.shape == (SIZE, SIZE, 3)
    assert target.shape == (16, COLUMNS)
    real = target[target[:, 0] >= 0]
    inside = {int(canvas[int(row[2]), int(row[1]), 0]): row[1:5] for row in real}
    for level, (left, top, right, bottom) in inside.items():
        assert (canvas[int(top) : int(bottom), int(left) : int(right)] == level).all()
    # Of a picture as large as the window a quarter of the area or more must be left.
    areas = {level: int((canvas[..., 0] == level).sum()) for level in levels}
    assert sum(areas.values()) == SIZE * SIZE
    assert set(inside) == {level for level in levels if areas[level] >= SIZE * SIZE / 4}


def test_a_mosaic_asks_for_three_others() -> None:
    asked = []

    def another() -> Sample:
        asked.append(1)
        return sample((4, 4, 20, 20))

    augment: Callable[..., tuple[torch.Tensor, NDArray[np.float32]]] = build_augment(
        SIZE, flip=False, mosaic=1.0
    )
    torch.manual_seed(0)
    picture, target = augment(*sample((4, 4, 20, 20)), another)
    assert len(asked) == 3
    assert picture.shape == (SIZE, SIZE, 3)
    assert target.shape == (16, COLUMNS)
