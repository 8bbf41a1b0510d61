from pathlib import Path

import numpy as np
import pytest

from martlet.data.series.layout import Columns, Found, list_files
from martlet.data.series.layouts.ts_file import TS_FILE
from martlet.errors import MartletError

HEADER = """# Source: made up
@problemName Made
@timeStamps false
@missing true
@univariate false
@dimensions 2
@equalLength false
@classLabel true walk run rest
@data
"""
SERIES = "1,2,3:4,5,6:walk\n1,?:3,4:run\n"


def read(data: Path, **columns: str) -> Found:
    files = list_files(data)
    assert TS_FILE.recognises(files)
    return TS_FILE.read(files, Columns(**columns))  # type: ignore[arg-type]


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_unequal_lengths_and_missing_values(tmp_path: Path) -> None:
    found = read(written(tmp_path / "Made.ts", HEADER + SERIES))
    one, other = found.tracks
    assert (one.name, one.label, one.part, one.rate) == ("Made.ts #1", "walk", None, None)
    assert one.channels == ("1", "2")
    assert one.values.tolist() == [[1, 4], [2, 5], [3, 6]]
    np.testing.assert_array_equal(other.values, [[1, 3], [np.nan, 4]])
    assert found.odd == ["Classes that a header names and no series has: 'rest'."]


def test_parts(tmp_path: Path) -> None:
    for part in ("TRAIN", "TEST"):
        written(tmp_path / f"Made_{part}.ts", HEADER + SERIES)
    found = read(tmp_path)
    assert [(t.name, t.part) for t in found.tracks] == [
        ("Made_TEST.ts #1", "test"),
        ("Made_TEST.ts #2", "test"),
        ("Made_TRAIN.ts #1", "train"),
        ("Made_TRAIN.ts #2", "train"),
    ]


def test_one_dimension_without_classes(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ts", "@univariate true\n@classLabel false\n@data\n1,2,3\n")
    (track,) = read(path).tracks
    assert track.label is None
    assert track.values.tolist() == [[1], [2], [3]]


STAMPED = "@timeStamps true\n@classLabel true a b\n@data\n"


@pytest.mark.parametrize(
    ("series", "columns", "times"),
    [
        ("(0,1),(20,2),(40,?):(0,4),(20,5),(40,6):a", {}, [0, 0.02, 0.04]),
        ("(0,1),(1,2),(3,3):a", {"time": "time:s"}, [0, 1, 3]),
        ("(0,1),(1,2),(3,3):a", {"time": ""}, None),
        (
            "(2026-01-31 10:00:00,1),(2026-01-31 10:00:01,2),(2026-01-31 10:00:05,3):a",
            {},
            [0, 1, 5],
        ),
    ],
)
def test_time_stamps(
    tmp_path: Path, series: str, columns: dict[str, str], times: list[float] | None
) -> None:
    (track,) = read(written(tmp_path / "a.ts", STAMPED + series + "\n"), **columns).tracks
    assert track.label == "a"
    assert len(track.values) == 3
    if times is None:
        assert track.times is None
    else:
        np.testing.assert_allclose(track.times, times)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no line @data"),
        ("1,2:3,4:walk\n", "does not start with a header"),
        (HEADER, "holds no series behind @data"),
        (HEADER + "1,2:3,4:sleep\n", "line 10: class 'sleep' is none of the header's, 'walk'"),
        (HEADER + "1,2:3,4\n", "line 10: there is no class behind"),
        (HEADER + "1,2:3:walk\n", "line 10: its dimensions have 2, 1 values"),
        (HEADER + "1,2:walk\n", "line 10 has 1 dimensions, and the header says 2"),
        (HEADER + "1,x:3,4:walk\n", "line 10 holds what is no number"),
        ("@targetLabel true\n@data\n1,2:0.5\n", "has numbers as targets"),
        (STAMPED + "(0,1),(1,2):(0,1),(2,2):a\n", "line 4: its dimensions have different time"),
        (STAMPED + "(0,1),(1,2):a\n", "steps of 1, which tells no unit.*time_column='time:ms'"),
        (STAMPED + "(x,1),(y,2):a\n", "neither numbers nor dates"),
        (STAMPED + "(0,1),(1,z):a\n", "holds what is no number"),
    ],
)
def test_damaged_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MartletError, match=message):
        read(written(tmp_path / "a.ts", text))


def test_several_problems(tmp_path: Path) -> None:
    written(tmp_path / "A_TRAIN.ts", HEADER + SERIES)
    written(tmp_path / "B_TEST.ts", HEADER + SERIES)
    with pytest.raises(MartletError, match="holds several problems: 'A', 'B'"):
        read(tmp_path)
    written(tmp_path / "B_TRAIN.ts", HEADER + SERIES)
    with pytest.raises(MartletError, match=r"holds 3 \.ts files"):
        read(tmp_path)
