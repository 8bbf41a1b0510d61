"""The sheet of windows: what is on it, and that it can be read."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from martlet.errors import MartletError
from martlet.report import windows as sheet
from martlet.report.windows import Window, draw_windows, windows_figure

CHANNELS = ["acc_x", "acc_y", "gyr_x", "pulse"]
COUNTS: dict[str, Any] = {"wrong": 3, "scored": 40}


def window(name: str, truth: str = "walk", scale: float = 1.0, **said: Any) -> Window:
    generator = np.random.default_rng(len(name))
    values = scale * generator.normal(size=(64, len(CHANNELS)))
    return Window(values.astype(np.float32), truth, name, **said)


EXAMPLES = [[window(f"w{n}") for n in range(4)], [window("s0", "sit")], []]
MISTAKES = [window(f"m{n}", predicted="sit", probability=0.9 - n / 10) for n in range(3)]


def test_a_plot_a_window_with_a_lane_a_sensor(drawn_texts: Callable[..., Any]) -> None:
    figure = windows_figure(EXAMPLES, MISTAKES, CHANNELS, rate=50.0, **COUNTS)
    assert len(figure.axes) == 4 + 1 + 3
    for axis in figure.axes:
        colours = [line.get_color() for line in axis.lines if len(line.get_xdata()) == 64]
        assert len(colours) == len(CHANNELS)
        assert colours[0] == colours[2] == colours[3] != colours[1]  # the first of each sensor
    texts = [text for text, _ in drawn_texts(figure)]
    assert "Windows of 2 classes: 1.28 s, as the network takes them" in texts
    assert "Most confident mistakes: 3 of 40 scored windows are named wrong" in texts
    assert [text for text in texts if text.startswith("✗")] == [
        *("✗ sit  90 %", "✗ sit  80 %", "✗ sit  70 %")
    ]
    assert texts.count("is walk") == 3
    assert {*CHANNELS, "acc", "gyr", "w3", "s0", "m2"} <= {*texts}


def test_lines_are_the_windows_values_and_stay_in_their_lanes() -> None:
    loud = window("loud", scale=50.0)
    figure = windows_figure([[window("calm"), loud]], [], CHANNELS, wrong=0, scored=1)
    calm, wild = figure.axes
    for axis in (calm, wild):
        for lane, number in ((0, 0), (0, 1), (1, 2), (2, 3)):
            lines = [one for one in axis.lines if len(one.get_xdata()) == 64]
            drawn = np.asarray(lines[number].get_ydata()) + 2 * lane
            assert np.abs(drawn).max() < 0.951
    assert calm.get_ylim() == wild.get_ylim() == (-5, 1)
    drawn = np.asarray(wild.lines[0].get_ydata())
    values = loud.values[:, 0]
    inside = np.abs(drawn) < 0.94
    assert inside.any()
    ratio = drawn[inside] / values[inside]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)


def test_the_file_says_in_words_what_it_shows(tmp_path: Path) -> None:
    told = draw_windows(EXAMPLES, MISTAKES, CHANNELS, tmp_path / "w.png", rate=None, **COUNTS)
    assert told.startswith("Training windows of 2 classes, as the network takes them: scaled by")
    assert told.endswith(
        "Of 40 scored windows 3 are named wrong; below are the 3 most confident mistakes."
    )
    with Image.open(tmp_path / "w.png") as picture:
        assert picture.text["Description"] == told  # type: ignore[attr-defined]


def test_without_a_mistake_there_is_no_row_of_them(drawn_texts: Callable[..., Any]) -> None:
    figure = windows_figure(EXAMPLES, [], CHANNELS, wrong=0, scored=40)
    assert len(figure.axes) == 5
    texts = [text for text, _ in drawn_texts(figure)]
    assert not any("mistakes" in text for text in texts)
    assert "Windows of 2 classes: 64 samples, as the network takes them" in texts


@pytest.mark.slow
def test_long_names_and_many_classes_stay_on_the_sheet(
    drawn_texts: Callable[..., Any],
    cut_off: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sheet, "MOST_CLASSES", 3)
    long = "a name as long as some are, and a good deal longer " * 4
    rows = [[], *([window(long, f"{n} {long}")] * 4 for n in range(5))]
    said = [window(long, long, predicted=long, probability=1.0)] * 5
    names = [f"{long}{n}" for n in range(4)]
    figure = windows_figure(rows, said, names, wrong=5, scored=9)
    assert cut_off(figure) == []
    assert len(figure.axes) == 3 * 4 + 5
    assert "Windows of 3 of 5 classes: 64 samples, as the network takes them" in {
        text for text, _ in drawn_texts(figure)
    }
    boxes = [box for text, box in drawn_texts(figure) if text.startswith("✗")]
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes[:4]))


def test_constant_windows_are_drawn() -> None:
    flat = Window(np.zeros((1, 4), np.float32), "sit", "flat")
    assert len(windows_figure([[flat]], [], CHANNELS, wrong=0, scored=0).axes) == 1


@pytest.mark.parametrize("examples", [[], [[]], [[Window(np.zeros((9, 2), np.float32), "a", "b")]]])
def test_what_cannot_be_drawn_is_a_sentence(examples: Any, tmp_path: Path) -> None:
    with pytest.raises(MartletError, match="a sheet needs windows of 4 channels"):
        draw_windows(examples, [], CHANNELS, tmp_path / "w.png", wrong=0, scored=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_strip_below_says_when_the_answer_is_spoken_for(tmp_path: Path) -> None:
    evidence = np.array([-1.0, 0.0, 2.0, 0.0])  # a stretch of 16 samples each
    mistakes = [window("m", predicted="sit", probability=0.9, evidence=evidence), MISTAKES[0]]
    figure = windows_figure(EXAMPLES, mistakes, CHANNELS, **COUNTS)
    strips = [axis.images for axis in figure.axes]
    assert [len(images) for images in strips] == [0] * 5 + [1, 0]
    shares = np.asarray(strips[5][0].get_array())[0]
    assert len(shares) == 64
    assert shares.argmax() == 32
    assert shares[:17].max() == 0
    told = draw_windows(EXAMPLES, mistakes, CHANNELS, tmp_path / "windows.png", **COUNTS)
    assert "Under each lies what speaks for the answer" in told
    told = draw_windows(EXAMPLES, MISTAKES, CHANNELS, tmp_path / "windows.png", **COUNTS)
    assert "Under each" not in told
