"""The picture of where time goes: parts that fill each bar."""

from pathlib import Path

import pytest
from matplotlib.colors import to_hex
from PIL import Image

from martlet.report.shares_figure import Shares, draw_shares, shares_figure

BARS = [
    Shares("one, PyTorch", 9.0, {"1×1 convolution": 0.5, "copy": 0.3, "other": 0.2}),
    Shares("one, C", 2.0, {"1×1 convolution": 0.96, "pooling": 0.04}),
]


def test_parts_fill_each_bar_in_one_order() -> None:
    (axes,) = shares_figure(BARS, "A title").axes
    spans = [(round(one.get_x(), 3), round(one.get_width(), 3)) for one in axes.patches]
    first, second = spans[: len(spans) // 2], spans[len(spans) // 2 :]
    assert first == [(0.0, 0.5), (0.5, 0.3), (0.8, 0.0), (0.8, 0.2)]
    assert second == [(0.0, 0.96), (0.96, 0.0), (0.96, 0.04), (1.0, 0.0)]
    colours = [to_hex(one.get_facecolor()) for one in axes.patches]
    assert colours[:4] == colours[4:]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]


def test_bars_and_large_parts_are_named(drawn_texts, cut_off) -> None:
    figure = shares_figure(BARS, "A title")
    texts = [text for text, _ in drawn_texts(figure)]
    for told in ("one, PyTorch, 9 ms", "one, C, 2 ms", "50%", "96%", "copy", "A title"):
        assert told in texts
    assert "4%" not in texts
    assert cut_off(figure) == []


@pytest.mark.parametrize("count", [1, 12])
def test_any_number_of_bars(count: int, tmp_path: Path) -> None:
    bars = [Shares(f"network {n}, C", 1.0, {"convolution": 1.0}) for n in range(count)]
    draw_shares(bars, tmp_path / "a.png", "A title", "Told.")
    with Image.open(tmp_path / "a.png") as image:
        assert image.text["Description"] == "Told."
