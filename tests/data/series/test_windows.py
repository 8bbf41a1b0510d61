from pathlib import Path

import numpy as np
import pytest

from martlet.data.series.recording import NOTHING, Recording, Recordings
from martlet.data.series.windows import cut_windows
from martlet.errors import MartletError


def recording(name: str, length: int, first: int = 0, **fields: object) -> Recording:
    values = np.arange(first, first + 2 * length, dtype=np.float32).reshape(length, 2)
    given: dict[str, object] = {"name": name, "values": values, "channels": ("x", "y")}
    return Recording(**{**given, "source": name, "rate": 10.0, **fields})  # type: ignore[arg-type]


def recordings(*items: Recording, classes: tuple[str, ...] = ("run", "walk")) -> Recordings:
    return Recordings(Path("data"), "npz", classes, items)


def test_windows_of_whole_recordings() -> None:
    data = recordings(
        recording("a", 10, label=1, subject="1", part="train"),
        recording("b", 7, label=0, part="test"),
    )
    windows = cut_windows(data, window=4, stride=3)
    assert windows.starts.tolist() == [0, 3, 6, 0, 3]
    assert windows.recording.tolist() == [0, 0, 0, 1, 1]
    assert windows.labels.tolist() == [1, 1, 1, 0, 0]
    assert windows.subjects == ["1", "1", "1", None, None]
    assert windows.groups == ["1", "1", "1", "b", "b"]
    assert windows.parts == ["train"] * 3 + ["test"] * 2
    assert windows.names[1] == "a @ 3:7"
    assert len(windows) == 5
    assert windows.odd == ()


def test_a_window_is_a_view() -> None:
    data = recordings(recording("a", 10, label=1), recording("b", 10, label=0))
    windows = cut_windows(data, window=4, stride=3)
    assert windows[1].shape == (4, 2)
    np.testing.assert_array_equal(windows[1], data[0].values[3:7])
    assert np.shares_memory(windows[1], data[0].values)


@pytest.mark.parametrize(
    ("window", "stride", "expected"),
    [("0.4s", "0.3s", (4, 3)), ("400ms", 3, (4, 3)), (4, None, (4, 2)), ("5", None, (5, 3))],
)
def test_lengths(window: str, stride: str | None, expected: tuple[int, int]) -> None:
    windows = cut_windows(recordings(recording("a", 9, label=0)), window=window, stride=stride)
    assert (windows.window, windows.stride) == expected


def test_a_window_holds_one_activity() -> None:
    labels = np.array([0] * 5 + [NOTHING] * 2 + [1] * 6 + [0] * 2, np.int32)
    windows = cut_windows(recordings(recording("a", 15, labels=labels)), window=4, stride=1)
    assert windows.starts.tolist() == [0, 1, 7, 8, 9]
    assert windows.labels.tolist() == [0, 0, 1, 1, 1]
    assert windows.odd == ("Stretches of an activity shorter than a window, not used: run 1.",)


def test_windows_for_predictions_look_at_no_label() -> None:
    labels = np.array([0] * 5 + [NOTHING] * 2 + [1] * 3, np.int32)
    items = recording("a", 10, labels=labels), recording("b", 5)
    windows = cut_windows(recordings(*items), window=4, stride=2, labelled=False)
    assert windows.starts.tolist() == [0, 2, 4, 6, 0]
    assert windows.labels.tolist() == [NOTHING] * 5


def test_short_recordings_are_counted_and_named() -> None:
    data = recordings(recording("a", 9, label=0), recording("b", 3, label=1))
    assert cut_windows(data, window=4).odd == (
        "Recordings, or pieces of them, shorter than a window of 4 samples, not used: 1: 'b (3)'.",
        "Classes without a window: 'walk'.",
    )


@pytest.mark.parametrize(
    ("items", "options", "message"),
    [
        ([recording("a", 3, label=0)], {"window": 4}, r"the longest, 'a', has 3: give a smaller"),
        ([recording("a", 9, label=0)], {"window": 0}, "window='0' is less than one sample"),
        (
            [recording("a", 9, label=0)],
            {"window": 4, "stride": "10ms"},
            "stride='10ms' is less than one sample at 10 Hz",
        ),
        (
            [recording("a", 9, labels=np.arange(9, dtype=np.int32) % 2)],
            {"window": 2},
            "no stretch of one activity is as long as a window of 2",
        ),
        ([recording("a", 9, label=0, rate=None)], {"window": "1s"}, "give rate, or window as"),
    ],
)
def test_what_gives_no_window(
    items: list[Recording], options: dict[str, object], message: str
) -> None:
    with pytest.raises(MartletError, match=message):
        cut_windows(recordings(*items), **options)  # type: ignore[arg-type]


def test_recordings_without_labels() -> None:
    with pytest.raises(MartletError, match="no recording below 'data' has a label"):
        cut_windows(recordings(recording("a", 9), classes=()), window=4)


@pytest.mark.parametrize(
    ("labelled", "way_out"),
    [(True, "has 9: give a smaller window"), (False, "has 9: give longer ones, which the network")],
)
def test_the_way_out_is_one_that_the_verb_has(labelled: bool, way_out: str) -> None:
    with pytest.raises(MartletError, match=way_out):
        cut_windows(recordings(recording("a", 9)), window=10, labelled=labelled)
