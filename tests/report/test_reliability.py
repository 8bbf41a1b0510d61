from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from martlet.errors import MartletError
from martlet.report.reliability import (
    Bin,
    draw_reliability,
    figures_of_probabilities,
    reliability_figure,
    told_of_probabilities,
    told_of_unknown,
)
from martlet.report.values import picture

BINS = [Bin(0.2, 0.3, 9, 0.23), Bin(0.5, 0.4, 30, 0.5), Bin(0.95, 0.8, 400, 0.97)]
FITTED = {
    "part": "test",
    "pictures": 90,
    "ece": 0.02,
    "temperature": 1.614,
    "calibrated_on": 80,
    "uncalibrated": {"ece": 0.08},
}


def test_the_points_are_what_was_promised_and_kept(cut_off: Callable[[Figure], list[str]]) -> None:
    figure = reliability_figure({"calibrated": BINS, "before": BINS[1:]})
    lines = {line.get_gid(): line for line in figure.axes[0].lines if line.get_gid()}
    assert list(lines["calibrated"].get_xdata()) == [50, 95]
    assert list(lines["calibrated"].get_ydata()) == [40, 80]
    assert [bar.get_height() for bar in figure.axes[1].patches] == [9, 30, 400, 30, 400]
    assert cut_off(figure) == []


def test_a_bin_of_few_answers_is_a_hollow_point_beside_the_line() -> None:
    points = reliability_figure({"calibrated": BINS}).axes[0].collections[0]
    assert points.get_offsets().tolist() == [[20, 30], [50, 40], [95, 80]]
    fills = [tuple(colour) for colour in points.get_facecolor()]
    assert fills[0] == (1, 1, 1, 1)
    assert fills[1] == fills[2] == tuple(points.get_edgecolor()[0])
    few = reliability_figure({"calibrated": BINS[:1]})  # no line at all, and no warning
    assert len(few.axes[0].collections[0].get_offsets()) == 1


def test_the_file_says_what_it_shows(tmp_path: Path) -> None:
    told = draw_reliability({"as answered": BINS}, tmp_path / "a.png")
    assert picture(tmp_path / "a.png").caption == told
    with pytest.raises(MartletError, match="each with a bin"):
        draw_reliability({"as answered": []}, tmp_path / "a.png")


def test_sentences_on_probabilities() -> None:
    assert told_of_probabilities(FITTED) == [
        "Probabilities are calibrated: logits are divided by a temperature of 1.61, fitted on 80 "
        "validation pictures. Of the test pictures the expected calibration error is 2.0\u00a0%, "
        "and without it 8.0\u00a0%."
    ]
    assert told_of_probabilities({**FITTED, "part": "val"})[0].endswith("the figure flatters.")
    few = told_of_probabilities({**FITTED, "pictures": 9})
    assert few[0].endswith("80 validation pictures.")
    plain = {"part": "test", "noun": "windows", "windows": 90, "ece": 0.5, "not_calibrated": "no"}
    assert told_of_probabilities(plain)[0].startswith(
        "Probabilities are not calibrated: no. Of the"
    )
    assert told_of_probabilities({"part": "test", "pictures": 90}) == []  # of an earlier version


def test_figures_with_and_without_the_temperature() -> None:
    figures = {"ece": 0.02, "ece_adaptive": 0.03, "loss": 0.5, "brier": 0.25}
    metrics = {**figures, "pictures": 90, "uncalibrated": dict.fromkeys(figures, 0.1)}
    rows = figures_of_probabilities(metrics)
    assert rows[0] == ("expected calibration error", "2.0\u00a0%", "10.0\u00a0%")
    assert rows[-1][1:] == ("0.250", "0.100")
    del metrics["uncalibrated"]
    assert {row[2] for row in figures_of_probabilities(metrics)} == {""}
    assert figures_of_probabilities({**metrics, "pictures": 9}) == []


def test_sentences_on_what_is_unknown() -> None:
    unknown = {"score": "max_logit", "below": 2.5, "share": 0.05, "samples": 80, "found": 0.125}
    (told,) = told_of_unknown({"part": "test", "unknown": unknown})
    assert "the max logit is below 2.5, as at most 5.0\u00a0% of the 80 validation pictures" in told
    assert told.endswith("of the test pictures, all of known classes, 12.5\u00a0% are.")
    assert told_of_unknown({"part": "test"}) == []
