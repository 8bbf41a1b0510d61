import numpy as np
import pytest

from martlet.errors import MartletError
from martlet.report.class_colours import class_colours
from martlet.report.map_figure import Ramp, enlarged, map_figure

NAMES = ["water", "a name that is longer than anything else here, and then some", "$5_b$ 名"]


@pytest.mark.parametrize(
    ("rows", "columns", "classes"), [(30, 30, 3), (30, 30, 16), (4, 60, 3), (60, 4, 7), (9, 9, 90)]
)
def test_no_text_is_cut_off(cut_off, rows: int, columns: int, classes: int) -> None:
    names = [NAMES[n % 3] + str(n) for n in range(classes)]
    legend = list(zip(names, class_colours(classes), strict=True))
    pixels = np.zeros((rows, columns, 3), np.uint8)
    figure = map_figure(pixels, legend, "A title that is rather long for so small a map", None)
    assert cut_off(figure) == []
    assert cut_off(map_figure(pixels, legend[:2], "", Ramp("viridis", "0 %", "100 %"))) == []


def test_of_many_classes_the_first_are_named(drawn_texts) -> None:
    legend = [(f"class {n}", colour) for n, colour in enumerate(class_colours(90))]
    texts = [text for text, _ in drawn_texts(map_figure(np.zeros((9, 9, 3), np.uint8), legend))]
    assert "class 59" in texts
    assert "class 60" not in texts
    assert "… and 30 more" in texts


@pytest.mark.parametrize("side", [1, 83, 145, 610, 1300])
def test_pixels_are_squares_of_whole_pixels(side: int) -> None:
    pixels = np.arange(side * 2 * 3, dtype=np.uint32).astype(np.uint8).reshape(side, 2, 3)
    found = enlarged(pixels)
    scale = found.shape[0] // side
    assert found.shape == (side * scale, 2 * scale, 3)
    assert max(found.shape) <= 1300
    np.testing.assert_array_equal(found[::scale, ::scale], pixels)


def test_large_scenes_are_thinned() -> None:
    assert enlarged(np.zeros((2600, 2601, 3), np.uint8)).shape == (867, 867, 3)


def test_what_is_no_map() -> None:
    for odd in (np.zeros((3, 3), np.uint8), np.zeros((0, 3, 3), np.uint8), np.zeros((3, 3, 3))):
        with pytest.raises(MartletError, match="no map"):
            map_figure(odd, [])


def test_a_long_title_of_other_signs_is_cut(drawn_texts) -> None:
    pixels = np.zeros((9, 9, 3), np.uint8)
    figure = map_figure(pixels, [], "\n".join(["a scene \x1b[31m"] * 40))
    (title,) = [text for text, _ in drawn_texts(figure) if text.startswith("a scene")]
    assert "…" in title
    assert figure.get_figwidth() < 7
