"""Corners put right: turned as pictures are, and clipped no more than they must."""

import numpy as np
import pytest
from PIL import Image

from martlet.data.boxes.clean import clean, turned
from martlet.data.boxes.found import Found
from martlet.data.boxes.sizes import Header
from martlet.data.pictures.decode import upright_rgb

WIDTH, HEIGHT = 13, 7


@pytest.mark.parametrize("orientation", range(1, 9))
def test_corners_turn_with_the_picture(orientation: int) -> None:
    box = [2, 1, 6, 3]
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = orientation
    rows, columns = np.nonzero(np.asarray(upright_rgb(image))[..., 0])
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    found = turned(np.array([box], float), WIDTH, HEIGHT, orientation)
    assert found.tolist() == [seen]


def one(*corners: float, **settings: bool) -> Found:
    found = Found("CSV")
    vars(found).update(settings)
    found.box(found.picture("a.png"), "cat", corners, "here")
    return found


def cleaned(found: Found, width: int = 100, height: int = 50) -> tuple[list[list[float]], str]:
    made = clean(found, found.labels(["cat"]), [Header(width, height, 1)], "upright")
    return made.boxes[0].corners.tolist(), " ".join(made.notes)


@pytest.mark.parametrize(
    ("corners", "settings", "kept", "note"),
    [
        ((0, 0, 100.000001, 50), {}, [0, 0, 100, 50], ""),  # rounding is nothing odd
        ((-1, 0, 101, 50), {}, [0, 0, 100, 50], "partly outside"),
        ((0, 0, 1.01, 1), {"fractions": True}, [0, 0, 100, 50], "by up to 2 %, clipped: 1"),
        ((0, 0, 1.2, 1), {"fractions": True}, [0, 0, 100, 50], "partly outside"),
        ((0, 0, 1e308, 1), {"fractions": True}, [0, 0, 100, 50], "partly outside"),
        ((1, 1, 100, 50), {"from_one": True}, [0, 0, 100, 50], ""),
        ((50, 40, 2, 1), {"from_one": True}, [1, 0, 50, 40], "swapped"),
        ((99.99999999, 0, 100, 50), {}, None, "too thin for float32"),
        ((100, 0, 120, 50), {}, None, "wholly outside"),
        ((5, 5, 5, 9), {"from_one": True}, None, "without area"),
        ((5, 5, float("nan"), 9), {}, None, "no finite number"),
        ((-1e308, -1e308, 1e308, 1e308), {}, [0, 0, 100, 50], "partly outside"),
    ],
)
def test_one_box(
    corners: tuple[float, ...], settings: dict[str, bool], kept: list[float] | None, note: str
) -> None:
    boxes, notes = cleaned(one(*corners, **settings))
    assert boxes == ([] if kept is None else [kept])
    assert note in notes
    assert bool(note) == bool(notes)


def test_boxes_of_pictures_left_out_are_not_counted() -> None:
    found = one(1, 1, 1, 1)
    found.box(found.picture("b.png"), "cat", (1, 2, 3, 4), "here")
    made = clean(found, found.labels(["cat"]), [None, Header(9, 9, 1)], "upright")
    assert [len(boxes.labels) for boxes in made.boxes] == [0, 1]
    assert made.notes == []


def test_the_order_of_the_file_stays() -> None:
    found = Found("CSV")
    numbers = [found.picture(name) for name in "ab"]
    for left in (5, 3, 4, 3):
        for number in numbers:
            found.box(number, "cat", (left, 0, 9, 9), "here", crowd=left == 4)
    boxes = clean(found, found.labels(["cat"]), [Header(9, 9, 1)] * 2, "upright").boxes
    for of_one in boxes:
        assert of_one.corners[:, 0].tolist() == [5, 3, 4]
        assert of_one.crowd.tolist() == [False, False, True]
