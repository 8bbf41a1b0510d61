import numpy as np
import pytest
from numpy.typing import NDArray

from martlet.data.series.gaps import Missing, bridge, check_channels, usual_intervals
from martlet.errors import MartletError

NAN = float("nan")


def column(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)[:, None]


def test_nothing_missing_is_left_as_it_is() -> None:
    values, count = column(1, 2, 3), Missing()
    made, pieces = bridge(values, ("x",), np.ones(1), 2, count)
    assert made is values
    assert pieces == [(0, 3)]
    assert count == Missing()


def test_short_gaps_are_lines_and_long_ones_cut() -> None:
    values = column(0, NAN, NAN, 3, NAN, NAN, NAN, 7, 8)
    given, count = values.copy(), Missing()
    made, pieces = bridge(values, ("x",), np.ones(1), 2, count)
    assert pieces == [(0, 4), (7, 9)]
    assert made[:4, 0].tolist() == [0, 1, 2, 3]
    assert made[7:, 0].tolist() == [7, 8]
    np.testing.assert_array_equal(values, given)  # the file's own values stay
    assert count == Missing(values=5, bridged=2, cut=3, cut_by={"x": 1})


def test_infinite_values_are_missing_too() -> None:
    made, _ = bridge(column(1, np.inf, 3), ("x",), np.ones(1), 1, Missing())
    assert made[:, 0].tolist() == [1, 2, 3]


def test_ends_hold_the_nearest_value() -> None:
    made, pieces = bridge(column(NAN, 5, 6, NAN), ("x",), np.ones(1), 1, Missing())
    assert made[:, 0].tolist() == [5, 5, 6, 6]
    assert pieces == [(0, 4)]


def test_a_gap_of_one_channel_cuts_all() -> None:
    values = np.arange(12, dtype=np.float32).reshape(6, 2)
    values[2:4, 1] = NAN
    _, pieces = bridge(values, ("x", "y"), np.ones(2), 1, Missing())
    assert pieces == [(0, 2), (4, 6)]


def test_lines_follow_time_where_there_are_stamps() -> None:
    times = np.array([0.0, 0.1, 0.4])
    made, _ = bridge(column(0, NAN, 4), ("x",), np.ones(1), 1, Missing(), times)
    np.testing.assert_allclose(made[:, 0], [0, 1, 4], atol=1e-6)


def test_a_slower_sensor_is_no_row_of_gaps() -> None:
    values = np.full((100, 2), NAN, np.float32)
    values[:, 0] = 1
    values[3::10, 1] = np.arange(10)
    count = Missing()
    every = usual_intervals(values, ("acc", "heart_rate"), count)
    made, pieces = bridge(values, ("acc", "heart_rate"), every, 3, count)
    assert pieces == [(0, 100)]
    np.testing.assert_allclose(made[3:94, 1], np.arange(91) / 10, atol=1e-5)
    assert made[0, 1] == 0
    assert count.slow == {"heart_rate": 10}


def test_a_slower_sensor_that_stops_cuts() -> None:
    values = np.full((100, 1), NAN, np.float32)
    values[:60:10, 0] = 1
    count = Missing()
    _, pieces = bridge(values, ("x",), usual_intervals(values, ("x",), count), 3, count)
    assert pieces == [(0, 51)]


def test_a_stretch_without_any_value_is_lost() -> None:
    count = Missing()
    assert bridge(column(NAN), ("x",), np.ones(1), 5, count)[1] == []
    assert count.cut == 1


def test_a_channel_that_is_missing_throughout_is_refused() -> None:
    values = np.zeros((3, 3), np.float32)
    values[:, 1] = NAN
    with pytest.raises(MartletError, match=r"'a/1\.csv': channel 'y' is missing throughout"):
        check_channels(values, ("x", "y", "z"), "a/1.csv")
    values[:, 2] = NAN
    with pytest.raises(MartletError, match=r"channels 'y', 'z' are missing throughout"):
        check_channels(values, ("x", "y", "z"), "a/1.csv")
    with pytest.raises(MartletError, match=r"'a/1\.csv' holds no samples"):
        check_channels(values[:0], ("x", "y", "z"), "a/1.csv")
