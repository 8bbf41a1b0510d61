import numpy as np
import pytest

from martlet.data.series.assemble import own_rates, recordings_of, same_channels, sentences
from martlet.data.series.duration import parse_duration
from martlet.data.series.gaps import Missing
from martlet.data.series.layout import Columns, Track
from martlet.data.series.timing import Stamps
from martlet.errors import MartletError

NAN = float("nan")
GAP = parse_duration("max_gap", "0.1s")


def track(name: str = "a", length: int = 10, **fields: object) -> Track:
    values = np.arange(2 * length, dtype=np.float32).reshape(length, 2)
    given: dict[str, object] = {"name": name, "values": values, "channels": ("x", "y")}
    return Track(**{**given, **fields})  # type: ignore[arg-type]


def test_channels_come_in_one_order() -> None:
    one, other = same_channels([track(), track("b", channels=("y", "x"))], Columns())
    assert one.channels == other.channels == ("x", "y")
    assert one.values[0].tolist() == [0, 1]
    assert other.values[0].tolist() == [1, 0]


def test_chosen_channels() -> None:
    (made,) = same_channels([track()], Columns(channels=("y",)))
    assert made.channels == ("y",)
    assert made.values[:2].tolist() == [[1], [3]]


@pytest.mark.parametrize("swap", [False, True])
def test_a_channel_that_one_file_lacks(swap: bool) -> None:
    tracks = [track("a.csv"), track("b.csv", channels=("x", "z"))]
    with pytest.raises(MartletError, match=r"'.\.csv': channel '.' is missing, which other"):
        same_channels(tracks[::-1] if swap else tracks, Columns())
    more = Track("c.csv", np.zeros((4, 3), np.float32), ("x", "y", "z"))
    with pytest.raises(MartletError, match=r"'a\.csv': channel 'z' is missing"):
        same_channels([tracks[0], more], Columns())
    assert len(same_channels([tracks[0], more], Columns(channels=("x", "y")))) == 2


def test_a_channel_of_a_network_that_a_later_file_lacks() -> None:
    tracks = [track("a.csv"), track("b.csv", channels=("x", "z"))]
    asked = Columns(channels=("x", "y"), of_network=True)
    with pytest.raises(MartletError, match=r"^'b\.csv' lacks the channel 'y', which the network"):
        same_channels(tracks, asked)


def test_one_file_without_a_value_of_a_channel() -> None:
    empty = np.full((4, 2), NAN, np.float32)
    empty[:, 0] = 1
    with pytest.raises(MartletError, match=r"'b': channel 'y' is missing throughout"):
        same_channels([track(), track("b", values=empty)], Columns())
    assert len(same_channels([track(), track("b", values=empty)], Columns(channels=("x",)))) == 2


def test_rates() -> None:
    stamped = track(times=np.arange(10) / 50)
    assert own_rates([track(), track()], None) == [None, None]
    assert own_rates([track(), track()], 20.0) == [20.0, 20.0]
    assert own_rates([stamped, track(times=np.arange(10) / 49.9)], None) == [50.0, 50.0]
    assert own_rates([stamped, track(rate=100.0)], 20.0) == [50.0, 100.0]


def test_rates_that_no_sensor_has() -> None:
    with pytest.raises(MartletError, match=r"'a': its time stamps are those of 1e\+08 Hz"):
        own_rates([track(times=np.arange(10) * 1e-8)], None)


def test_rates_that_differ() -> None:
    tracks = [track("a", rate=50.0), track("b", rate=100.0)]
    with pytest.raises(MartletError, match=r"'a' has 50 Hz and 'b' 100 Hz; give rate"):
        own_rates(tracks, None)
    for rate in (None, 50.0):
        with pytest.raises(MartletError, match="nothing says the rate of 'b'"):
            own_rates([tracks[0], track("b")], rate)


def test_a_recording_as_it_is() -> None:
    made = recordings_of(
        track(label="walk", subject="1", part="test"),
        None,
        None,
        GAP,
        {"run": 0, "walk": 1},
        Missing(),
        Stamps(),
    )
    (only,) = made
    assert (only.name, only.source, only.label, only.labels) == ("a", "a", 1, None)
    assert (only.subject, only.part, only.rate) == ("1", "test", None)


def test_labels_of_samples_are_those_of_all_recordings() -> None:
    codes = np.array([0, -1, 1] * 3, np.int32)
    (made,) = recordings_of(
        track(length=9, codes=codes, names=("walk", "lie")),
        None,
        None,
        GAP,
        {"lie": 0, "run": 1, "walk": 2},
        Missing(),
        Stamps(),
    )
    assert made.labels is not None
    assert made.labels.tolist() == [2, -1, 0] * 3


def test_gaps_cut_and_pieces_say_where() -> None:
    values = np.arange(20, dtype=np.float32).reshape(10, 2)
    values[4:7] = NAN
    values[8, 1] = NAN
    missing = Missing()
    codes = np.arange(10, dtype=np.int32) // 5
    pieces = recordings_of(
        track(values=values, codes=codes, names=("b", "a")),
        10.0,
        None,
        GAP,
        {"a": 0, "b": 1},
        missing,
        Stamps(),
    )
    assert [(piece.name, piece.source) for piece in pieces] == [("a[0:4]", "a"), ("a[7:10]", "a")]
    assert pieces[1].values.tolist() == [[14, 15], [16, 17], [18, 19]]
    assert pieces[1].labels is not None
    assert pieces[1].labels.tolist() == [0, 0, 0]
    assert sentences(missing, Stamps(), GAP) == [
        "Missing values: 7; 1 of them, in gaps of up to 0.1s, lie on the line between their "
        "neighbours.",
        "Rows lost in longer gaps, which cut recordings: 3; most gaps are in 'x', 'y'.",
    ]


def test_a_line_is_not_drawn_across_a_jump_in_time() -> None:
    values = np.array([[0], [1], [NAN], [90], [91]], np.float32)
    times = np.array([0, 0.1, 0.2, 9.0, 9.1])
    stamps = Stamps()
    pieces = recordings_of(
        track(values=values, channels=("x",), times=times), 10.0, None, GAP, {}, Missing(), stamps
    )
    assert [piece.values[:, 0].tolist() for piece in pieces] == [[0, 1, 1], [90, 91]]
    assert [piece.name for piece in pieces] == ["a[0:3]", "a[3:5]"]
    assert sentences(Missing(), stamps, GAP) == [
        "Places where recordings are cut by their time stamps: 1 gaps of more than 0.1s, 0 steps "
        "back in time."
    ]


def test_resampled_pieces() -> None:
    (made,) = recordings_of(track(length=40), 100.0, 50.0, GAP, {}, Missing(), Stamps())
    assert made.rate == 50.0
    np.testing.assert_allclose(made.values[:, 0], np.arange(0, 80, 4), atol=1e-3)


def test_gaps_as_a_time_need_a_rate() -> None:
    values = np.array([[1], [NAN], [3]], np.float32)
    given = track(values=values, channels=("x",))
    with pytest.raises(MartletError, match=r"max_gap='0\.1s' is a time, .* give rate, or max_gap"):
        recordings_of(given, None, None, GAP, {}, Missing(), Stamps())
    gap = parse_duration("max_gap", 1)
    (made,) = recordings_of(given, None, None, gap, {}, Missing(), Stamps())
    assert made.values[:, 0].tolist() == [1, 2, 3]
