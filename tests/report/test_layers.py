from pathlib import Path

import pytest
from PIL import Image

from martlet.errors import MartletError
from martlet.report.layers import Bar, describe_layers, draw_layers, layers_figure


def bars(count: int) -> list[Bar]:
    return [
        Bar(f"layer {i}", f"1×1 + relu, {i}×7×7 → 9×7×7", 0.1 + i % 7 / 100, 10.0 * (i % 3))
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [1, 12, pytest.param(200, marks=pytest.mark.slow)])
def test_a_picture_of_any_number_of_layers(tmp_path: Path, count: int) -> None:
    told = draw_layers(bars(count), 100.0, "network $5_bill$ 名", tmp_path / "layers.png")
    assert told.startswith(f"{count} layers take")
    with Image.open(tmp_path / "layers.png") as picture:
        assert picture.text["Description"] == told
        assert picture.height < 4000


def test_the_slowest_of_many_have_bars() -> None:
    many = [*bars(100), Bar("slow", "", 9.0, 0.0)]
    figure = layers_figure(many, 100.0, "")
    assert figure.bbox.height < 4000
    axes = figure.axes[0]
    labels = [text.get_text() for text in axes.texts]
    assert any(label.startswith("slow") for label in labels)
    assert len(labels) == 2 * 80


def test_the_figures_in_words() -> None:
    told = describe_layers([Bar("a", "", 1.0, 50.0), Bar("b", "", 3.0, 0.0)], 100.0)
    assert told == (
        "2 layers take 4 ms at 12 GFLOP/s, 12% of the measured peak of 100 GFLOP/s; the slowest "
        "is b with 3 ms."
    )
    with pytest.raises(MartletError, match="bars is empty"):
        describe_layers([], 100.0)
