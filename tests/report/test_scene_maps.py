from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from martlet.errors import MartletError
from martlet.report.class_colours import class_colours
from martlet.report.scene_maps import (
    draw_errors,
    draw_map,
    draw_probability,
    draw_scene,
    draw_split,
)

TRUTH = np.array([[0, 0, 1, -1], [0, 2, 1, -1], [2, 2, 1, -1]])


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def colours_of(path: Path) -> dict[tuple[int, ...], int]:
    with Image.open(path) as picture:
        found = picture.convert("RGB").getcolors(1 << 24) or []
    return {colour: count for count, colour in found}


def test_a_class_has_its_colour_and_its_share_of_the_map(tmp_path: Path) -> None:
    colours = class_colours(4)
    told = draw_map(TRUTH, ["a", "b", "c", "never"], colours, path := tmp_path / "map.png", "Map")
    assert told == "3 × 4 pixels, 9 of them of 3 classes."
    drawn = colours_of(path)
    assert rgb(colours[3]) not in drawn
    square = 180**2  # 720 pixels along the longer side
    for colour in colours[:3]:
        assert 3 * square <= drawn[rgb(colour)] < 3 * square + 1000  # and its legend
    with Image.open(path) as picture:
        assert picture.text["Description"] == told


@pytest.mark.slow
def test_colours_stay_when_the_file_is_held_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 16, (700, 1000))
    colours = class_colours(16)
    path = tmp_path / "map.png"
    draw_map(noise, [str(n) for n in range(16)], colours, path)
    with Image.open(path) as picture:
        assert picture.mode == "P"  # of 256 colours
    assert all(colours_of(path).get(rgb(colour), 0) > 40_000 for colour in colours)


def test_mistakes_are_counted_on_what_is_scored(tmp_path: Path) -> None:
    predicted = TRUTH.copy()
    predicted[0, 0] = predicted[2, 0] = 1
    predicted[:, 3] = 2
    told = draw_errors(predicted, TRUTH, tmp_path / "errors.png")
    assert told.startswith("2 of 9 pixels are named wrong (22.2\u00a0%).")
    scored = np.ones_like(TRUTH, bool)
    scored[0] = False
    told = draw_errors(predicted, TRUTH, tmp_path / "errors.png", "Mistakes", scored)
    assert told.startswith("1 of 6 pixels are named wrong (16.7\u00a0%). 3 labelled pixels")
    none = np.zeros_like(scored)
    assert draw_errors(predicted, TRUTH, tmp_path / "e.png", "", none).startswith("0 of 0 pixels")


def test_the_split_with_its_counts(tmp_path: Path) -> None:
    parts = np.array([[0, 0, 0, 3], [2, 2, -1, -1]])
    assert draw_split(parts, tmp_path / "split.png", "Split") == (
        "Labelled pixels: training 3, test 2, left out (guard) 1."
    )


def test_probability_and_nothing(tmp_path: Path) -> None:
    sure = np.array([[0.95, 0.5], [0.99, np.nan]], np.float32)
    told = draw_probability(sure, tmp_path / "p.png", "Probability")
    assert told == (
        "Probability of the class that was named: median 95.0\u00a0%; above 90\u00a0% at "
        "66.7\u00a0% of the pixels."
    )
    empty = np.full((2, 2), np.nan)
    assert draw_probability(empty, tmp_path / "p.png") == "The network named no pixel."
    with pytest.raises(MartletError, match="from 0 to 1"):
        draw_probability(sure * 3, tmp_path / "p.png")


def test_the_scene_as_it_is_given(tmp_path: Path) -> None:
    pixels = np.full((5, 5, 3), (10, 200, 30), np.uint8)
    assert draw_scene(pixels, "Bands.", tmp_path / "scene.png") == "Bands."
    assert colours_of(tmp_path / "scene.png")[10, 200, 30] == 720**2


def test_maps_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match="class 2; there are 2 names"):
        draw_map(TRUTH, ["a", "b"], class_colours(2), tmp_path / "map.png")
    with pytest.raises(MartletError, match="rows × columns of indices"):
        draw_map(TRUTH.astype(float), ["a"] * 3, class_colours(3), tmp_path / "map.png")
    with pytest.raises(MartletError, match="do not fit"):
        draw_errors(TRUTH[:2], TRUTH, tmp_path / "map.png")
    assert not list(tmp_path.iterdir())
