from pathlib import Path
from typing import Any

import numpy as np
import pytest

from martlet.data.series.layout import Columns, Found, list_files
from martlet.data.series.layouts.npz_file import NPZ_FILE
from martlet.errors import MartletError

X = np.arange(24, dtype=np.int16).reshape(3, 4, 2)


def read(path: Path, **arrays: Any) -> Found:
    if arrays:
        np.savez(path, **arrays)
    return NPZ_FILE.read(list_files(path), Columns())


def test_series_labels_and_groups(tmp_path: Path) -> None:
    found = read(tmp_path / "a.npz", X=X, y=np.array([2.0, 10.0, np.nan]), groups=[7, 7, 8])
    assert [(t.name, t.label, t.subject) for t in found.tracks] == [
        ("a.npz #1", "2", "7"),
        ("a.npz #2", "10", "7"),
        ("a.npz #3", None, "8"),
    ]
    assert found.tracks[1].values.dtype == np.float32
    assert found.tracks[1].values.tolist() == X[1].tolist()
    assert found.tracks[1].channels == ("1", "2")
    assert found.told == ["'a.npz': X is 3 series of 4 samples and 2 channels."]


def test_labels_of_samples_names_and_rate(tmp_path: Path) -> None:
    y = np.array([["a", "a", "", "b"]] * 3)
    found = read(tmp_path / "a.npz", X=X, y=y, channels=["acc", "gyro"], rate=50)
    track = found.tracks[0]
    assert (track.rate, track.channels, track.names) == (50.0, ("acc", "gyro"), ("a", "b"))
    assert track.codes is not None
    assert track.codes.tolist() == [0, 0, -1, 1]


def test_one_channel_without_labels(tmp_path: Path) -> None:
    found = read(tmp_path / "a.npz", x=X[:, :, 0])
    assert found.tracks[0].values.shape == (4, 1)
    assert found.tracks[0].label is None


def test_arrays_that_memory_has_no_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "a.npz", X=np.zeros((20, 500, 200)))
    assert (tmp_path / "a.npz").stat().st_size < 100_000
    monkeypatch.setattr("martlet.memory.available_bytes", lambda: 4_000_000)
    with pytest.raises(MartletError, match=r"^'a\.npz', unpacked, needs 16 MB of .* and 4 MB are"):
        read(tmp_path / "a.npz")


def test_parts(tmp_path: Path) -> None:
    for name in ("train", "test"):
        np.savez(tmp_path / f"{name}.npz", X=X, y=[0, 1, 0])
    parts = [track.part for track in NPZ_FILE.read(list_files(tmp_path), Columns()).tracks]
    assert parts == ["test"] * 3 + ["train"] * 3
    np.savez(tmp_path / "more.npz", X=X)
    with pytest.raises(MartletError, match=r"holds 3 \.npz files"):
        NPZ_FILE.read(list_files(tmp_path), Columns())


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"data": X}, r"has no array X \(N, length, channels\); it has data \(3, 4, 2\)"),
        ({"X": X[0, 0]}, r"X is int16 \(2,\); accepted"),
        ({"X": X[:0]}, r"X is int16 \(0, 4, 2\)"),
        ({"X": np.full((3, 4, 2), "a")}, "accepted are numbers"),
        ({"X": X, "y": [0, 1]}, r"y has shape \(2,\) beside 3 series"),
        ({"X": X, "groups": np.zeros((3, 4))}, r"groups has shape \(3, 4\) beside 3"),
        ({"X": X, "channels": ["a"]}, "channels has 1 names, and X 2 channels"),
        ({"X": X, "rate": 0}, "rate has to be one number of Hz"),
        ({"X": X, "rate": np.inf}, "rate has to be one number of Hz, 0.001 to"),
        ({"X": X, "y": np.zeros(3, complex)}, "y is complex128; numbers and text"),
        ({"X": X, "groups": [1, np.nan, 2]}, "groups says no subject of series 2"),
        ({"X": X, "groups": ["a", "b", " "]}, "groups says no subject of series 3"),
        ({"X": np.array([{}], dtype=object)}, "cannot be read as arrays"),
    ],
)
def test_other_arrays(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(MartletError, match=message):
        read(tmp_path / "a.npz", **arrays)


def test_text_in_bytes_is_text(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"y": [b"run", b"walk", b"run"], "channels": [b"x", b"y"]}
    found = read(tmp_path / "a.npz", X=X, groups=[b"a", b"b", b"b"], **arrays)
    assert [(track.label, track.subject) for track in found.tracks[:2]] == [
        ("run", "a"),
        ("walk", "b"),
    ]
    assert found.tracks[0].channels == ("x", "y")


def test_a_file_cut_short(tmp_path: Path) -> None:
    read(tmp_path / "a.npz", X=X)
    content = (tmp_path / "a.npz").read_bytes()
    for end in (0, 3, len(content) // 2, len(content) - 20):
        (tmp_path / "b.npz").write_bytes(content[:end])
        with pytest.raises(MartletError, match=r"'b\.npz' cannot be read as arrays"):
            read(tmp_path / "b.npz")
