"""Shapes on textures: boxes lie around them, and a seed makes the same ones."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from martlet.data.boxes import synthetic
from martlet.data.boxes.read import read_boxes
from martlet.data.boxes.synthetic import HEIGHT, NAMES, WIDTH, draw, line, shapes, write_shapes


@pytest.mark.parametrize("kind", range(len(NAMES)))
def test_a_shape_fills_its_box(kind: int) -> None:
    image = Image.new("RGB", (WIDTH, HEIGHT))
    draw(ImageDraw.Draw(image), (kind, 20, 30, 51, 61), (255, 0, 0))
    rows, columns = np.nonzero(np.asarray(image)[..., 0])
    assert (columns.min(), columns.max() + 1) == (20, 51)
    assert (rows.min(), rows.max() + 1) == (30, 61)


def test_texts_hold_the_boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "PARTS", {"train": 8, "val": 3, "test": 4})
    files = write_shapes(tmp_path / "a")
    found = read_boxes(files.folder, files.names)
    assert found.format == "YOLO txt"
    assert found.classes == NAMES
    assert [found.parts.count(part) for part in ("train", "val", "test")] == [8, 3, 4]
    rng = np.random.default_rng(0)
    of = dict(zip(found.pictures, found.boxes, strict=True))
    for number in range(8):
        image, boxes = shapes(rng)
        name = f"images/train/{number:03}.png"
        with Image.open(files.folder / name) as written:
            assert np.array_equal(np.asarray(written), np.asarray(image))
        assert of[name].labels.tolist() == [box[0] for box in boxes]
        right = np.array([box[1:] for box in boxes]).reshape(-1, 4)
        np.testing.assert_allclose(of[name].corners, right, atol=1e-3)
    again = write_shapes(tmp_path / "b")
    other = read_boxes(again.folder, again.names)
    assert all(
        (a.corners == b.corners).all() for a, b in zip(found.boxes, other.boxes, strict=True)
    )


def test_a_line_is_a_class_a_centre_and_sides() -> None:
    assert line(2, 0, 0, WIDTH, HEIGHT) == "2 0.500000 0.500000 1.000000 1.000000\n"
