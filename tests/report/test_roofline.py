"""The roofline: roofs, layers below them, and what is said of both."""

from pathlib import Path

import pytest
from PIL import Image

from martlet.errors import MartletError
from martlet.report.roofline import (
    LayerPoint,
    Roofs,
    describe_roofline,
    draw_roofline,
    roofline_figure,
)

ROOFS = Roofs(100.0, {"cache": 80.0, "memory": 20.0})
POINTS = [
    LayerPoint("first", "convolution", 1.0, 40_000_000, 4_000_000),  # 20 a byte, 80 GFLOP/s
    LayerPoint("depthwise", "depthwise convolution", 0.5, 1_000_000, 1_000_000),  # 2, 4
    LayerPoint("pool", "pooling", 0.5, 0, 500_000),
]


def test_the_limit_is_memory_below_the_knee_and_multipliers_above() -> None:
    assert ROOFS.knee == 5.0
    assert ROOFS.at(2.0) == 40.0
    assert ROOFS.at(5.0) == ROOFS.at(50.0) == 100.0


def test_a_layer_lies_at_its_operations_a_byte_and_a_second() -> None:
    assert (POINTS[0].intensity, POINTS[0].gflops) == (20.0, 80.0)
    assert (POINTS[1].intensity, POINTS[1].gflops) == (2.0, 4.0)
    (axes,) = roofline_figure(POINTS, ROOFS, "A title").axes
    drawn = [tuple(map(float, spot)) for one in axes.collections for spot in one.get_offsets()]
    assert drawn == [pytest.approx((20.0, 80.0)), pytest.approx((2.0, 4.0))]
    large, small = (one.get_sizes()[0] for one in axes.collections)
    assert large > small


def test_it_is_said_where_the_time_goes() -> None:
    told = describe_roofline(POINTS, ROOFS)
    assert told == (
        "1 of 3 layers do less than 5.0 operations for each byte, left of the knee: 25% of the "
        "time, 2% of the MACs; 0 of them are above memory's roof, their maps still in a cache (0% "
        "of the time). 1 layers without MACs take 25% of the time. All together 41 GFLOP/s of a "
        "peak of 100."
    )
    fewer = [*POINTS, LayerPoint("tiles", "convolution", 0.1, 9_000_000, 500_000, 50_000_000)]
    assert describe_roofline(fewer, ROOFS).endswith(" Minimal filtering saves 50% of the MACs.")
    with pytest.raises(MartletError, match=r"^no layer has multiplications; a roofline needs one"):
        describe_roofline(POINTS[2:], ROOFS)


def test_roofs_and_slow_layers_are_named_and_nothing_is_cut_off(drawn_texts, cut_off) -> None:
    figure = roofline_figure(POINTS, ROOFS, "A title")
    texts = [text for text, _ in drawn_texts(figure)]
    for told in ("first", "depthwise", "A title", "cache, 80 GB/s", "memory, 20 GB/s"):
        assert told in texts
    assert "multipliers, 100 GFLOP/s" in texts
    assert cut_off(figure) == []


def test_any_layers_are_drawn(tmp_path: Path) -> None:
    points = [LayerPoint(f"layer {n}", "convolution", 0.1, 10**n, 1000) for n in range(2, 8)]
    told = draw_roofline(points, ROOFS, "A title", tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.text["Description"] == told
