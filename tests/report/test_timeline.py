"""The picture of a recording: what is in it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from martlet.report.timeline import Bar, draw_timeline, panels_of, thinned, timeline_figure

VALUES = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
CHANNELS = ["acc_x", "acc_y", "acc_z", "pulse"]
SAID = [Bar(0, 100, 1), Bar(100, 300, 0)]


def test_it_is_a_picture_that_says_what_it_shows(tmp_path: Path) -> None:
    told = draw_timeline(VALUES, CHANNELS, SAID, ["sit", "walk"], tmp_path / "t.png", rate=50.0)
    assert told == "4 channels of 300 samples, 2 stretches of 2 classes."
    with Image.open(tmp_path / "t.png") as picture:
        assert picture.width > picture.height


def test_a_row_for_the_network_and_one_for_the_file() -> None:
    figure = timeline_figure(
        VALUES, CHANNELS, SAID, ["sit", "walk"], rate=50.0, known=[Bar(0, 300, 1)], title="day"
    )
    assert [axis.get_ylabel() for axis in figure.axes[2:]] == ["network", "file"]
    assert [len(axis.lines) for axis in figure.axes[:2]] == [3, 1]
    assert figure.axes[-1].get_xlim() == (0, 6)
    assert figure.axes[-1].get_xlabel() == "seconds"
    plain = timeline_figure(VALUES, CHANNELS, SAID, ["sit", "walk"])
    assert plain.axes[-1].get_xlabel() == "samples"


@pytest.mark.parametrize(
    ("channels", "panels"),
    [
        (["a.x", "a.y", "b.x"], {"a": [0, 1], "b": [2]}),
        (["1", "2"], {"1": [0], "2": [1]}),
        ([f"c{n}" for n in range(9)], {**{f"c{n}": [n] for n in range(5)}, "c5": [5, 6, 7, 8]}),
    ],
)
def test_channels_of_a_sensor_share_a_panel(
    channels: list[str], panels: dict[str, list[int]]
) -> None:
    assert panels_of(channels) == panels


def test_long_lines_keep_their_extremes() -> None:
    values = np.zeros(100_000, np.float32)
    values[77_777], values[5] = 9, -3
    at, drawn = thinned(values)
    assert len(drawn) <= 4000
    assert (drawn.max(), drawn.min()) == (9, -3)
    assert abs(at[drawn.argmax()] - 77_777) < 100


def test_long_names_stay_in_the_picture(cut_off) -> None:
    classes = [f"an activity with a name of some length, {n}\n" for n in range(9)]
    said = [Bar(30 * n, 30 * n + 30, n) for n in range(9)]
    figure = timeline_figure(VALUES, CHANNELS, said, classes, rate=50.0, title="day of\n" * 90)
    assert cut_off(figure) == []
