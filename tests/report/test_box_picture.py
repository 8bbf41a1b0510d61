"""Boxes drawn into a picture of its own size."""

import io

import numpy as np
import pytest
from PIL import Image

from martlet.report.box_picture import DrawnBox, box_png


@pytest.mark.parametrize("size", [(40, 30), (600, 900)])
def test_lines_lie_on_the_edges(size: tuple[int, int]) -> None:
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    box = DrawnBox((10, 12, 30, 28), "", "#ff0000")
    with Image.open(io.BytesIO(box_png(pixels, [box], "told"))) as image:
        assert image.info["Description"] == "told"
        drawn = np.asarray(image)
    assert drawn.shape == pixels.shape
    red = (drawn == (255, 0, 0)).all(axis=2)
    assert red[20, 10]
    assert red[20, 29]
    assert red[27, 20]
    assert not red[20, 9]
    assert not red[20, 30]
    assert not red[28, 20]


def test_words_stay_within_the_picture() -> None:
    pixels = np.zeros((60, 80, 3), np.uint8)
    boxes = [DrawnBox((60, 0, 79, 20), "a long name 0.93", "#0072B2"),
             DrawnBox((-5, 50, 300, 90), "beyond", "#D55E00")]  # fmt: skip
    with Image.open(io.BytesIO(box_png(pixels, boxes, ""))) as image:
        assert image.size == (80, 60)
        assert (np.asarray(image) > 0).any()
    assert not pixels.any()  # a copy is drawn into
