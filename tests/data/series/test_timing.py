import numpy as np
import pytest

from martlet.data.series.timing import (
    Stamps,
    at_odds,
    cut_by_time,
    even,
    is_time,
    own_rate,
    ratio,
    resample,
    unit_named,
    unit_of,
)
from martlet.errors import MartletError


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("time", None),
        ("t", None),
        ("timestamp_ms", "ms"),
        ("Time (s)", "s"),
        ("time_us", "us"),
        ("time [ns]", "ns"),
        ("MILLISEC", "ms"),
        ("seconds", "s"),
        ("elapsed (seconds)", "s"),
        ("timestamp_nanoseconds", "ns"),
    ],
)
def test_columns_of_time(column: str, unit: str | None) -> None:
    assert is_time(column)
    assert unit_named(column) == unit


@pytest.mark.parametrize("column", ["x", "acc_t", "temperature", "times_walked", "s"])
def test_other_columns(column: str) -> None:
    assert not is_time(column)


@pytest.mark.parametrize(("step", "unit"), [(0.02, "s"), (20, "ms"), (2e4, "us"), (2e7, "ns")])
def test_the_unit_follows_from_the_steps(step: float, unit: str) -> None:
    assert unit_of(np.arange(9) * step, "time", "f") == unit


@pytest.mark.parametrize("step", [1.0, 0.5, 700.0])
def test_a_unit_that_is_not_clear_is_asked_for(step: float) -> None:
    with pytest.raises(MartletError, match=r"'f': time column 't' counts .*time_column='t:ms'"):
        unit_of(np.arange(9) * step, "t", "f")


def test_own_rate_is_not_moved_by_gaps_and_rounding() -> None:
    times = np.floor(np.arange(600) * 1000 / 60) / 1000  # whole milliseconds of 60 Hz
    times[300:] += 40
    assert own_rate(times) == 60.0
    assert own_rate(np.zeros(1)) is None
    assert own_rate(np.array([0.0, 0.01, 1.01])) == 1.98  # no distance is near the middle one
    assert own_rate(np.zeros(4)) is None


def test_cuts() -> None:
    times = np.array([0, 1, 2, 2, 3, 7, 8, 4, 5, 8, 9]) / 10
    count = Stamps()
    rows = [part.tolist() for part in cut_by_time(times, 10.0, 2, count)]
    assert rows == [[0, 1, 2, 4], [5, 6], [7, 8, 9, 10]]  # 0.3 to 0.7: three are missing
    assert count == Stamps(repeated=1, back=1, jumps=1)


def test_jitter_of_the_clock_is_left_alone() -> None:
    times = np.arange(8) / 10 + np.array([0, 1, -1, 1, 0, -1, 1, 0]) / 100
    values = np.arange(8, dtype=np.float32)[:, None]
    count = Stamps()
    made, _ = even(values, None, times, 10.0, count)
    assert made is values
    assert count.uneven == 0


def test_uneven_times_are_interpolated() -> None:
    times = np.array([0.0, 0.1, 0.3, 0.4, 0.45, 0.7])
    values = (times * 10).astype(np.float32)[:, None]
    codes = np.array([0, 0, 1, 1, 2, 2], np.int32)
    count = Stamps()
    made, kinds = even(values, codes, times, 10.0, count)
    np.testing.assert_allclose(made[:, 0], np.arange(8), atol=1e-6)
    assert kinds is not None
    assert kinds.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert count.uneven == 1


def test_resampling_keeps_constants_slopes_and_slow_waves() -> None:
    time = np.arange(400) / 100
    values = np.stack([np.full(400, 9.81), 3 - time, np.sin(2 * np.pi * time)], axis=1)
    made, codes = resample(values.astype(np.float32), np.arange(400, dtype=np.int32), 100.0, 50.0)
    assert made.shape == (200, 3)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[:, :2], values[::2, :2], atol=1e-4)
    np.testing.assert_allclose(made[20:-20, 2], values[::2, 2][20:-20], atol=1e-2)
    assert codes is not None
    assert codes.tolist() == list(range(0, 400, 2))


def test_resampling_filters_what_would_fold() -> None:
    time = np.arange(400) / 100
    fast = np.sin(2 * np.pi * 45 * time).astype(np.float32)[:, None]
    made, _ = resample(fast, None, 100.0, 50.0)
    assert np.abs(made[20:-20]).max() < 0.05
    assert np.abs(fast[::2][20:-20]).max() > 0.9  # what leaving out every second one gives


def test_upsampling() -> None:
    values = np.arange(5, dtype=np.float32)[:, None]
    made, codes = resample(values, np.arange(5, dtype=np.int32), 20.0, 50.0)
    np.testing.assert_allclose(made[:, 0], np.arange(13) * 0.4, atol=0.02)
    assert codes is not None
    assert codes.tolist() == [0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 4]
    assert resample(values[:1], None, 20.0, 50.0)[0].shape == (1, 1)


def test_ratio() -> None:
    assert ratio(100.0, 50.0) == (1, 2)
    assert ratio(20.0, 50.0) == (5, 2)
    assert ratio(100.0, 33.3) == (333, 1000)
    with pytest.raises(MartletError, match=r"rate=0\.1 is too far from the 100 Hz"):
        ratio(100.0, 0.1)


def test_rates_at_odds() -> None:
    assert at_odds([("a", 50.0), ("b", 49.9), ("c", 50.3)]) is None
    assert at_odds([("a", 50.0), ("b", 50.0), ("c", 100.0)]) == ("a", "c")
    assert at_odds([("a", None), ("b", 50.0)]) == ("a", "b")
    assert at_odds([("a", None), ("b", None)]) is None
