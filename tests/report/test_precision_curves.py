"""Curves of precision against recall."""

from pathlib import Path

import numpy as np
from PIL import Image

from martlet.report.precision_curves import draw_precision, precision_figure

CLASSES = tuple(f"class {n}" for n in range(13))


def curves() -> np.ndarray:
    values = np.linspace(1, 0, 101)[None] ** np.linspace(0.2, 3, 13)[:, None]
    values[5] = np.nan
    return values


def test_the_lowest_are_shown_with_their_figures(tmp_path: Path) -> None:
    told = draw_precision(curves(), CLASSES, tmp_path / "p.png")
    assert "of 10 classes with the lowest average precision" in told
    with Image.open(tmp_path / "p.png") as image:
        assert image.info["Description"] == told
    (panel,) = precision_figure(curves(), CLASSES).axes
    names = [str(line.get_label()) for line in panel.lines]
    assert len(names) == 10
    assert not any(name.startswith(("class 0 ", "class 1 ", "class 5 ")) for name in names)
    assert names[-1] == f"class 12  {100 * curves()[12].mean():.1f}"


def test_few_classes_and_none_known(tmp_path: Path) -> None:
    told = draw_precision(curves()[:2], CLASSES[:2], tmp_path / "p.png")
    assert "of 2 classes;" in told
    nothing = np.full((2, 101), np.nan)
    assert "of 0 classes;" in draw_precision(nothing, CLASSES[:2], tmp_path / "p.png")
