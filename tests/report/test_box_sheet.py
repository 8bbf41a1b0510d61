"""Pictures with boxes: what the sheet says, and where lines are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from martlet.errors import MartletError
from martlet.measuring.box_errors import KINDS
from martlet.report import style
from martlet.report.box_sheet import Box, BoxPicture, boxes_figure, describe_boxes, draw_boxes


def shown(*boxes: Box, channels: int = 3) -> BoxPicture:
    return BoxPicture(np.full((20, 20, channels), 90, np.uint8), (400.0, 200.0), boxes, "a.jpg")


ALL = [Box((10 + 5 * n, 20, 90 + 5 * n, 80), kind, f"cat {n}") for n, kind in enumerate(KINDS)]


def test_every_kind_is_drawn_in_words_and_lines(tmp_path: Path) -> None:
    told = draw_boxes([shown(*ALL), shown(channels=1)], tmp_path / "b.png", title="Worst first")
    assert told == (
        "Worst first. 2 pictures: 1 boxes are right (green), 5 wrong (red: class or background; "
        "orange: place, or double), 1 missed (blue, dashed)."
    )
    with Image.open(tmp_path / "b.png") as image:
        assert image.info["Description"] == told
        pixels = np.asarray(image.convert("RGB"))
    for colour in (style.GREEN, style.RED, style.ORANGE, style.BLUE):
        away = np.abs(pixels.astype(int) - tuple(bytes.fromhex(colour[1:]))).max(axis=2)
        assert (away < 40).sum() > 100, colour


def test_boxes_are_in_pixels_of_the_picture() -> None:
    figure = boxes_figure([shown(Box((100, 50, 300, 150), "right", "cat"))])
    (panel,) = figure.axes
    (frame,) = panel.patches
    assert frame.get_bbox().extents.tolist() == [100, 50, 300, 150]  # type: ignore[attr-defined]
    assert panel.get_xlim() == (0, 400)
    assert panel.get_ylim() == (200, 0)
    assert panel.get_title(loc="left") == "a.jpg"


def test_few_pictures_and_none() -> None:
    assert describe_boxes([shown()]).startswith("1 picture: 0 boxes are right")
    assert len(boxes_figure([shown()] * 4, columns=3).axes) == 6
    with pytest.raises(MartletError, match="has no pictures"):
        boxes_figure([])
