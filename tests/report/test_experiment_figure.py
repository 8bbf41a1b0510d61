"""The picture of an experiment: points where the figures are, the paper's beside them."""

from pathlib import Path

import pytest
from matplotlib.colors import to_hex
from PIL import Image

from martlet.report import style
from martlet.report.experiment_figure import Names, Point, draw_experiment, experiment_figure

NAMES = Names("error here, %", "the paper: error, %")
POINTS = [
    Point("0.25x, g3", 3.3e6, 40.0, 38.5, 41.5, paper=55.0, paper_macs=13e6),
    Point("0.25x, g8", 3.3e6, 39.0, 38.0, 40.0, paper=52.7, paper_macs=13e6),
    Point("0.5x, g3", 11.1e6, 30.0, None, None, paper=43.2, paper_macs=38e6),
    Point("not run", 0.0, None, paper=32.6, paper_macs=140e6),
]


def test_points_are_at_their_macs_and_figures() -> None:
    left, right = experiment_figure(POINTS, NAMES, "A title").axes
    dots = [line for line in left.get_lines() if line.get_marker() == "o"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in dots] == [
        (3.3, 40.0), (3.3, 39.0), (11.1, 30.0),
    ]  # fmt: skip
    bars = [tuple(line.get_ydata()) for line in left.get_lines() if line.get_marker() != "o"]
    assert bars == [(38.5, 41.5), (38.0, 40.0)]
    hollow = right.get_lines()
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in hollow] == [
        (13, 55.0), (13, 52.7), (38, 43.2), (140, 32.6),
    ]  # fmt: skip
    assert {to_hex(line.get_markerfacecolor()) for line in hollow} == {style.WHITE}


def test_every_point_is_named_and_nothing_is_cut_off(drawn_texts, cut_off) -> None:
    figure = experiment_figure(POINTS, NAMES, "A title")
    texts = [text for text, _ in drawn_texts(figure)]
    for point in POINTS:
        assert texts.count(point.name) == (2 if point.value is not None else 1)
    assert cut_off(figure) == []


def test_names_do_not_cover_each_other(drawn_texts) -> None:
    points = [Point(f"row number {n}", 5e6, 30 + 0.4 * n, 29.0, 36.0) for n in range(10)]
    figure = experiment_figure(points, NAMES, "A title")
    boxes = [box for text, box in drawn_texts(figure) if text.startswith("row number")]
    assert len(boxes) == 10
    for number, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[number + 1 :])


@pytest.mark.parametrize("points", [POINTS[:1], POINTS[3:], POINTS[2:3]])
def test_few_points_are_drawn_too(points: list[Point], tmp_path: Path) -> None:
    draw_experiment(points, NAMES, tmp_path / "a.png", "A title", "What it shows.")
    with Image.open(tmp_path / "a.png") as image:
        assert image.text["Description"] == "What it shows."
