import numpy as np
import pandas
import pytest

from martlet.data.series.layout import Columns
from martlet.data.series.sheet import coded, read_sheet
from martlet.data.series.tables import Counts
from martlet.errors import MartletError


def test_channels_labels_groups_and_times() -> None:
    frame = pandas.DataFrame(
        {
            "time_ms": [100, 120, 140],
            "x": [1, 2, 3],
            "on": [True, False, True],
            "device": ["a", "b", "c"],
            "activity": ["walk", " walk", None],
            "who": [3, 3, 4],
        }
    )
    counts = Counts()
    sheet = read_sheet(frame, "f", Columns(label="activity", group="who"), counts)
    assert sheet.channels == ("x", "on")
    assert sheet.values.dtype == np.float32
    assert sheet.values.tolist() == [[1, 1], [2, 0], [3, 1]]
    assert sheet.labels is not None
    assert (sheet.labels[0].tolist(), sheet.labels[1]) == ([0, 0, -1], ("walk",))
    assert sheet.groups is not None
    assert (sheet.groups[0].tolist(), sheet.groups[1]) == ([0, 0, 1], ("3", "4"))
    assert sheet.times is not None
    np.testing.assert_allclose(sheet.times, [0, 0.02, 0.04])
    assert counts.sentences() == ["Columns that hold no numbers, left out: 'device'."]


def test_answers_are_no_channels() -> None:
    table = {"x": [1.0, 2], "Activity": [1, 2], "user": [3, 3], "label": [0, 1]}
    frame, counts = pandas.DataFrame(table), Counts()
    sheet = read_sheet(frame, "f", Columns(label="label"), counts)
    assert sheet.channels == ("x",)
    (told,) = counts.sentences()
    assert told.startswith("Columns called as labels or subjects are, which are no channels: 'Act")
    asked = read_sheet(frame, "f", Columns(label="label", channels=("x", "user")), Counts())
    assert asked.channels == ("x", "user")


@pytest.mark.parametrize("stamp", [0, 1e9, "2026-01-31", "2026-01-31T10:00:00+01:00"])
def test_one_row_has_a_time_of_any_unit(stamp: object) -> None:
    frame = pandas.DataFrame({"time": [stamp], "x": [1.5]})
    sheet = read_sheet(frame, "f", Columns(), Counts())
    assert sheet.times is not None
    assert sheet.times.tolist() == [0]


def test_cells_that_are_no_numbers_are_missing() -> None:
    frame = pandas.DataFrame({"x": ["1", "err", "3", "4"], "y": [1, 2, 3, 4]})
    counts = Counts()
    sheet = read_sheet(frame, "f", Columns(), counts)
    np.testing.assert_array_equal(sheet.values[:, 0], [1, np.nan, 3, 4])
    assert counts.sentences() == ["Cells that hold no numbers, taken as missing: 1."]


def test_an_empty_column_stays_a_channel() -> None:
    """It is refused later, with the file's name, and not left out in silence."""
    frame = pandas.DataFrame({"x": [None, None], "y": [1.0, 2.0]})
    sheet = read_sheet(frame, "f", Columns(), Counts())
    assert sheet.channels == ("x", "y")
    assert np.isnan(sheet.values[:, 0]).all()


@pytest.mark.parametrize(
    ("column", "codes", "names"),
    [
        ([2, 10, 2], [0, 1, 0], ("2", "10")),
        ([2.0, None, 10.0], [0, -1, 1], ("2", "10")),
        ([1.5, 2.0, 1.5], [0, 1, 0], ("1.5", "2")),
        (["a", "", " a "], [0, -1, 0], ("a",)),
        (["e\u0301", "\xe9", "x"], [0, 0, 1], ("\xe9", "x")),
        ([True, False, True], [0, 1, 0], ("True", "False")),
    ],
)
def test_codes(column: list[object], codes: list[int], names: tuple[str, ...]) -> None:
    made, found = coded(pandas.Series(column))
    assert (made.tolist(), found) == (codes, names)
    assert made.dtype == np.int32


TIMES = [
    ("time", [0.0, 0.02, 0.04], None),
    ("time", [1_700_000_000_000, 1_700_000_000_020, 1_700_000_000_040], None),
    ("t_us", [5, 20_005, 40_005], None),
    ("time", [2**62, 2**62 + 20_000_000, 2**62 + 40_000_000], None),
    (
        "time",
        ["2026-01-31T12:00:00.000", "2026-01-31T12:00:00.020", "2026-01-31T12:00:00.040"],
        None,
    ),
    ("time", pandas.to_timedelta([1e9, 1e9 + 2e7, 1e9 + 4e7]), None),
    ("time", pandas.to_datetime([1e9, 1e9 + 2e7, 1e9 + 4e7]), None),
    ("clock", [7, 27, 47], "clock:ms"),
    ("clock", [7, 27, 47], "clock"),
    ("a:b", [7, 27, 47], "a:b"),
]


@pytest.mark.parametrize(("column", "stamps", "asked"), TIMES)
def test_time_stamps(column: str, stamps: object, asked: str | None) -> None:
    frame = pandas.DataFrame({column: stamps, "x": [1, 2, 3]})
    sheet = read_sheet(frame, "f", Columns(time=asked), Counts())
    assert sheet.channels == ("x",)
    assert sheet.times is not None
    np.testing.assert_allclose(sheet.times, [0, 0.02, 0.04], atol=1e-6)


def test_time_stamps_that_are_not_to_be_used_are_no_channel() -> None:
    frame = pandas.DataFrame({"time": [0, 0, 1], "x": [1, 2, 3]})
    sheet = read_sheet(frame, "f", Columns(time=""), Counts())
    assert (sheet.channels, sheet.times) == (("x",), None)


@pytest.mark.parametrize(
    ("table", "columns", "message"),
    [
        ({"x": [1], "lab": [1]}, Columns(label="labl"), "label_column: 'labl' is not known"),
        ({"x": [1]}, Columns(group="who"), "group_by: 'who' is not known; accepted: x"),
        ({"x": [1]}, Columns(time="clock"), "time_column: 'clock' is not known"),
        ({"x": [1]}, Columns(time="x:min"), "unit of time 'min' is not known; accepted: s"),
        (
            {"t": [0], "time": [1], "x": [1]},
            Columns(),
            "several columns of time stamps, 't', 'time'",
        ),
        ({"a": ["x", "y"]}, Columns(), "'f' has no column of numbers"),
        (
            {"a": ["u", "v"], "x": [1, 2]},
            Columns(channels=("a",)),
            "'a' holds no numbers, so it is",
        ),
        ({"time": ["a", "b"], "x": [1, 2]}, Columns(), "holds neither numbers nor dates"),
        ({"time": [0, None], "x": [1, 2]}, Columns(), "'time' has empty cells"),
        ({"time": [0, np.inf], "x": [1, 2]}, Columns(), "'time' holds infinite values"),
        ({"time": [3, 2, 1], "x": [1, 2, 3]}, Columns(), "'time' never goes forward"),
        ({"time": [0] * 9 + [1], "x": [1] * 10}, Columns(), "too coarse for a rate"),
    ],
)
def test_other_tables(table: dict[str, list[object]], columns: Columns, message: str) -> None:
    with pytest.raises(MartletError, match=message):
        read_sheet(pandas.DataFrame(table), "f", columns, Counts())


def test_two_columns_of_one_name() -> None:
    frame = pandas.DataFrame([[1, 2]], columns=["x", "x"])
    with pytest.raises(MartletError, match="two columns of the name 'x'"):
        read_sheet(frame, "f", Columns(), Counts())
