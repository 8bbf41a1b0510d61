import os
from pathlib import Path

import numpy as np
import pytest

from martlet.data.series.layout import (
    Columns,
    as_float32,
    as_whole,
    given_part,
    list_files,
    read_text,
)
from martlet.errors import MartletError


def test_files_are_listed_by_name(tmp_path: Path) -> None:
    for name in ("b/2.csv", "a/10.csv", "a/1.CSV", ".git/x.csv", "__MACOSX/a/._1.csv", "a/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    files = list_files(tmp_path)
    assert files.names == ("a/1.CSV", "a/10.csv", "a/x.txt", "b/2.csv")
    assert files.ending(".csv") == ["a/1.CSV", "a/10.csv", "b/2.csv"]
    assert list(files.matching(r"(\d+)\.csv")) == ["a/10.csv", "b/2.csv"]
    assert list(files.matching(r"0\.csv")) == []  # whole names alone


def test_one_file(tmp_path: Path) -> None:
    (tmp_path / "a.ts").touch()
    files = list_files(tmp_path / "a.ts")
    assert (files.root, files.names) == (tmp_path, ("a.ts",))


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.csv").touch()
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert list_files(tmp_path).names == ("a/1.csv",)


def test_a_file_that_was_not_fetched_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.csv").touch()
    (tmp_path / "a" / ".hidden").symlink_to(tmp_path / "nowhere")
    assert list_files(tmp_path).names == ("a/1.csv",)
    (tmp_path / "a" / "gone.csv").symlink_to(tmp_path / "nowhere")
    with pytest.raises(MartletError, match=r"'a/gone\.csv' is a link to a file that is not there"):
        list_files(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match="does not exist"):
        list_files(tmp_path / "missing")
    with pytest.raises(MartletError, match="holds no files"):
        list_files(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.csv")
    with pytest.raises(MartletError, match="holds no files"):
        list_files(tmp_path)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Gait_TRAIN.ts", "train"),
        ("x/Gait_TEST.ts", "test"),
        ("val.npz", "val"),
        ("my-train.npz", "train"),
        ("training.npz", None),
        ("Gait.ts", None),
        ("train/Gait.ts", None),
    ],
)
def test_given_parts(name: str, part: str | None) -> None:
    assert given_part(name) == part


def test_chosen_channels() -> None:
    names = ["acc_x", "acc_y", "gyro_x", "acc[0]"]
    assert Columns().chosen(names, "f") == [0, 1, 2, 3]
    assert Columns(("gyro_x", "acc_*")).chosen(names, "f") == [2, 0, 1]
    assert Columns(("acc[0]",)).chosen(names, "f") == [3]  # a name before it is a pattern
    with pytest.raises(MartletError, match=r"'f': channel 'acc_z' is not known; did you mean acc_"):
        Columns(("acc_z",)).chosen(names, "f")


def test_channels_of_a_network_are_named() -> None:
    asked = Columns(("b", "a*", "d", "a"), of_network=True)
    with pytest.raises(MartletError, match=r"^'f' lacks the channels 'b', 'a\*', which the netw"):
        asked.chosen(["a", "c", "d"], "f")
    with pytest.raises(
        MartletError, match=r"the channel 'b', which .* takes; the file has 'a\*', "
    ):
        asked.chosen(["a*", "a", "d"], "f")
    assert asked.chosen(["a", "d", "a*", "b"], "f") == [3, 2, 1, 0]


def test_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MartletError, match=r"'a\.ts' is no text file"):
        read_text(tmp_path / "a.ts", "a.ts")
    with pytest.raises(MartletError, match=r"'b\.ts' cannot be read"):
        read_text(tmp_path / "b.ts", "b.ts")


def test_values_too_large_are_infinite() -> None:
    assert as_float32(np.array([1.5, 1e300, -1e300])).tolist() == [1.5, np.inf, -np.inf]


@pytest.mark.parametrize("odd", [1.5, np.nan, np.inf, 1e300])
def test_whole_numbers(odd: float) -> None:
    assert as_whole(np.array([1.0, -3.0]), "labels").tolist() == [1, -3]
    with pytest.raises(MartletError, match=r"^labels are not all whole numbers"):
        as_whole(np.array([1.0, odd]), "labels")
