"""The picture of an experiment of speed: marks where the multiples are."""

from pathlib import Path

import pytest
from matplotlib.colors import to_hex
from PIL import Image

from martlet.report import style
from martlet.report.speed_figure import Bars, Group, draw_speed, speed_figure

C, TORCH, TWO = ("C", 1), ("PyTorch", 1), ("C", 2)
GROUPS = [
    Group("x1", [Bars("1:1, x1", {TORCH: 1.0, C: 1.0, TWO: 1.0}, 1.0),
                 Bars("1:12, x1", {TORCH: 0.5, C: 0.8, TWO: 0.7}, 0.76)]),
    Group("x2", [Bars("1:1, x2", {TORCH: 1.0, C: 1.0, TWO: 1.0})]),
]  # fmt: skip


def marks(panel, colour: str) -> list[tuple[float, str]]:
    return [
        (line.get_xdata()[0], line.get_marker())
        for line in panel.get_lines()
        if line.get_marker() != "None" and to_hex(line.get_color()) == colour.lower()
    ]


def test_each_column_has_its_colour_and_shape() -> None:
    first, second = speed_figure(GROUPS, "A title").axes
    assert marks(first, style.BLUE) == [(1.0, "o"), (0.5, "o")]
    assert marks(first, style.ORANGE) == [(1.0, "o"), (1.0, "s"), (0.8, "o"), (0.7, "s")]
    hollow = [line for line in first.get_lines() if line.get_markerfacecolor() == "none"]
    assert [line.get_xdata()[0] for line in hollow] == [1.0, 0.76]
    assert not [line for line in second.get_lines() if line.get_markerfacecolor() == "none"]
    assert [label.get_text() for label in first.get_yticklabels()] == ["1:1, x1", "1:12, x1"]
    assert first.get_ylim()[0] > first.get_ylim()[1]  # the first row above


def test_rows_and_columns_are_named_and_nothing_is_cut_off(drawn_texts, cut_off) -> None:
    figure = speed_figure(GROUPS, "A title")
    texts = [text for text, _ in drawn_texts(figure)]
    for told in ("C, 1 thread", "C, 2 threads", "PyTorch, 1 thread", "the paper", "x1", "A title"):
        assert told in texts
    assert cut_off(figure) == []


@pytest.mark.parametrize("value", [0.06, 1.0, 18.0])
def test_any_multiple_is_on_the_scale(value: float, tmp_path: Path) -> None:
    group = Group("all", [Bars("one", {C: 1.0}), Bars("another", {C: value})])
    (panel,) = speed_figure([group], "A title").axes
    low, high = panel.get_xlim()
    assert low < value < high
    draw_speed([group], tmp_path / "a.png", "A title", "Told.")
    with Image.open(tmp_path / "a.png") as image:
        assert image.text["Description"] == "Told."
