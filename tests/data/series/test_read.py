from pathlib import Path

import numpy as np
import pytest

from martlet.data.series.read import read_recordings
from martlet.data.series.windows import cut_windows
from martlet.errors import MartletError


def write(path: Path, rows: int = 60, rate: float | None = None, **columns: object) -> None:
    """A table of two channels, with time stamps when there is a rate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table: dict[str, object] = {} if rate is None else {"time": np.arange(rows) / rate}
    table |= {"x": np.arange(rows), "y": np.arange(rows) % 7} | columns
    cells = zip(*(np.broadcast_to(np.asarray(v), rows) for v in table.values()), strict=True)
    lines = [",".join(table), *(",".join(str(cell) for cell in row) for row in cells)]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for activity in ("walk_1", "walk_2", "run_3"):
        for subject in (1, 2, 10):
            write(tmp_path / activity / f"sub_{subject}.csv", rows=20 + subject)
    return tmp_path


def test_from_files_to_windows(folder: Path) -> None:
    recordings = read_recordings(folder, rate=50)
    assert recordings.classes == ("run", "walk")
    assert recordings.subjects == ("sub_1", "sub_10", "sub_2")
    assert recordings.told[0] == (
        "Read as tables in folders, activity_trial/subject (layout activity_trial/subject): 9 "
        "recordings of 2 classes by 3 subjects, 2 channels at 50 Hz."
    )
    assert recordings.odd == ()
    assert (recordings.rate, recordings.channels) == (50.0, ("x", "y"))
    names = [recording.name for recording in recordings]
    assert names == sorted(names)
    windows = cut_windows(recordings, window="0.2s", stride="0.1s")
    assert len(windows) == 3 * (3 + 3 + 5)
    assert windows.labels.tolist() == [0] * 11 + [1] * 22
    assert windows[1][:, 0].tolist() == list(range(5, 15))


def test_twice_the_same(folder: Path) -> None:
    one, other = (read_recordings(folder) for _ in range(2))
    assert [item.name for item in one] == [item.name for item in other]
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine.values, theirs.values)


def test_a_given_layout(folder: Path) -> None:
    recordings = read_recordings(folder, layout="activity/file")
    assert recordings.classes == ("run_3", "walk_1", "walk_2")
    assert recordings.subjects == ()
    with pytest.raises(MartletError, match="layout 'activity/files' is not known"):
        read_recordings(folder, layout="activity/files")


def test_rates_by_time_stamps(tmp_path: Path) -> None:
    write(tmp_path / "run" / "a.csv", rate=100)
    write(tmp_path / "walk" / "b.csv", rate=50)
    with pytest.raises(MartletError, match=r"'run/a\.csv' has 100 Hz and 'walk/b\.csv' 50 Hz"):
        read_recordings(tmp_path)
    recordings = read_recordings(tmp_path, rate=50)
    assert [len(item) for item in recordings] == [30, 60]
    assert [item.rate for item in recordings] == [50.0, 50.0]
    np.testing.assert_allclose(recordings[0].values[:, 0], np.arange(0, 60, 2), atol=1e-2)
    assert recordings[1].values[:, 0].tolist() == list(range(60))
    assert "Recordings of 100 Hz are resampled to 50 Hz (1:2)." in recordings.told


def test_labels_numbers_and_gaps_between_them(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", label=np.repeat([10, 2, 14], 20), subject=7)
    recordings = read_recordings(tmp_path)
    assert recordings.classes == ("2", "10", "14")
    (only,) = recordings
    assert only.labels is not None
    assert only.labels.tolist() == [1] * 20 + [0] * 20 + [2] * 20
    assert cut_windows(recordings, window=8, stride=8).labels.tolist() == [1, 1, 0, 0, 2, 2]


def test_given_parts(tmp_path: Path) -> None:
    for name in ("train/run/subject1", "train/walk/subject1", "test/run/subject2"):
        write(tmp_path / f"{name}.csv")
    assert [item.part for item in read_recordings(tmp_path)] == ["test", "train", "train"]
    # one part alone is no part: the split decides
    assert {item.part for item in read_recordings(tmp_path / "train")} == {None}


def test_a_subject_in_two_given_parts(tmp_path: Path) -> None:
    for name in ("train/run/subject1", "train/walk/subject1", "test/run/subject1"):
        write(tmp_path / f"{name}.csv")
    with pytest.raises(
        MartletError,
        match=r"subject 'subject1' is in two given parts, test \('test/run/subject1\.csv'\) and "
        r"train \('train/run/subject1\.csv'\)",
    ):
        read_recordings(tmp_path)


def test_missing_values_and_what_is_said(tmp_path: Path) -> None:
    x = np.arange(60, dtype=np.float64)
    x[10:13] = x[30:50] = np.nan
    write(tmp_path / "run" / "a.csv", x=x)
    write(tmp_path / "walk" / "b.csv")
    recordings = read_recordings(tmp_path, rate=50)
    assert [item.name for item in recordings] == [
        "run/a.csv[0:30]",
        "run/a.csv[50:60]",
        "walk/b.csv",
    ]
    assert recordings[0].values[10:13, 0].tolist() == [10, 11, 12]
    assert [item.group for item in recordings] == ["run/a.csv", "run/a.csv", "walk/b.csv"]
    assert len(read_recordings(tmp_path, rate=50, max_gap="1s")) == 2
    windows = cut_windows(recordings, window=20, stride=10)
    assert windows.odd[0].endswith("not used: 1: 'run/a.csv[50:60] (10)'.")


def test_nothing_left(tmp_path: Path) -> None:
    x, y = np.full((2, 60), np.nan)
    x[0], y[59] = 1, 1
    write(tmp_path / "a.csv", x=x, y=y)
    with pytest.raises(
        MartletError, match=r"nothing is left of .*max_gap='0\.1s', most of them in .*'x'"
    ):
        read_recordings(tmp_path, rate=50)


def test_unlabelled_recordings_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    recordings = read_recordings(tmp_path)
    assert recordings.classes == ()
    assert recordings.told[0].endswith("Nothing says who was recorded: each is a group of its own.")
    assert recordings.odd[-1] == "Recordings without a label: 1: 'a.csv'."
    assert len(cut_windows(recordings, window=20, labelled=False)) == 5


@pytest.mark.parametrize("rate", [0, -50, float("nan"), float("inf"), 1e9])
def test_rates_that_are_none(folder: Path, rate: float) -> None:
    with pytest.raises(MartletError, match=r"rate=.* is not accepted; give a number of Hz"):
        read_recordings(folder, rate=rate)


def test_channels(folder: Path) -> None:
    assert read_recordings(folder, channels="y").channels == ("y",)
    with pytest.raises(MartletError, match=r"'run_3/sub_1\.csv': channel 'z' is not known"):
        read_recordings(folder, channels=["z"])
