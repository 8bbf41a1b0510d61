from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from martlet.errors import MartletError
from martlet.report.class_colours import class_colours
from martlet.report.spectra import draw_spectra, spectra_figure


def some(classes: int, bands: int = 20) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    mean = np.random.default_rng(0).uniform(size=(classes, bands))
    names = [f"a class with a long name {n}" for n in range(classes)]
    return mean, 0.1 * mean, names, class_colours(classes)


@pytest.mark.parametrize("classes", [1, 3, pytest.param(16, marks=pytest.mark.slow)])
def test_no_text_is_cut_off(tmp_path: Path, cut_off, classes: int) -> None:
    assert cut_off(spectra_figure(*some(classes))) == []
    told = draw_spectra(*some(classes), tmp_path / "spectra.png")
    assert told.startswith(f"Mean spectrum of the training pixels of each of {classes} classes;")
    with Image.open(tmp_path / "spectra.png") as picture:
        assert picture.text["Description"] == told


def test_few_are_drawn_together_and_many_apart() -> None:
    assert len(spectra_figure(*some(6)).axes) == 1
    panels = spectra_figure(*some(7)).axes
    assert [panel.get_title(loc="left") for panel in panels[:7]] == some(7)[2]
    assert len(panels[0].lines) == 8  # the others in gray, and its own


def test_a_class_without_a_pixel_is_left_out() -> None:
    mean, deviation, names, colours = some(3)
    mean[1] = deviation[1] = np.nan
    assert len(spectra_figure(mean, deviation, names, colours).axes[0].lines) == 2
    assert spectra_figure(mean * np.nan, deviation, names, colours).axes[0].lines[:] == []


def test_wavelengths_are_in_order_and_lines_break_in_gaps() -> None:
    mean, deviation, names, colours = some(1, bands=6)
    nm = [500.0, 400.0, 410.0, 420.0, 510.0, 520.0]
    (line,) = spectra_figure(mean, deviation, names, colours, nm).axes[0].lines
    x, y = (np.asarray(part, float) for part in line.get_data())
    np.testing.assert_array_equal(x, [400, 410, 420, np.nan, 500, 510, 520])
    np.testing.assert_array_equal(y[[0, 4]], mean[0, [1, 0]])
    assert np.isnan(y[3])


def test_arrays_that_do_not_fit() -> None:
    mean, deviation, names, colours = some(3)
    with pytest.raises(MartletError, match="do not fit 3 names"):
        spectra_figure(mean[:2], deviation[:2], names, colours)
