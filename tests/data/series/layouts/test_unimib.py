from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from martlet.data.series.layout import Columns, Found, list_files
from martlet.data.series.layouts.unimib import UNIMIB
from martlet.errors import MartletError

DATA = np.arange(4 * 453, dtype=np.float64).reshape(4, 453)
LABELS = np.array([[1, 1, 1], [2, 1, 1], [2, 30, 2], [9, 30, 1]], np.uint8)
NAMES = np.array(
    [["standing up from sitting", "walking", "running"], ["StandingUpFS", "Walking", "Running"]],
    dtype=object,
)


def write(root: Path, start: str = "adl", data: object = DATA, labels: object = LABELS) -> Path:
    folder = root / "UniMiB-SHAR" / "data"
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in (("data", data), ("labels", labels), ("names", NAMES)):
        savemat(folder / f"{start}_{name}.mat", {f"{start}_{name}": array})
    return folder


def read(path: Path) -> Found:
    files = list_files(path)
    assert UNIMIB.recognises(files)
    return UNIMIB.read(files, Columns())


def test_windows(tmp_path: Path) -> None:
    write(tmp_path)
    tracks = read(tmp_path).tracks
    assert [(t.label, t.subject) for t in tracks] == [
        ("StandingUpFS", "1"),
        ("Walking", "1"),
        ("Walking", "30"),
        ("9", "30"),
    ]
    assert tracks[1].values.shape == (151, 3)
    assert tracks[1].values[0].tolist() == [453, 453 + 151, 453 + 302]
    assert (tracks[1].channels, tracks[1].rate) == (("x", "y", "z"), 50.0)


@pytest.mark.parametrize("names", [NAMES.T, NAMES[1:]])
def test_names_in_another_shape(tmp_path: Path, names: object) -> None:
    folder = write(tmp_path)
    savemat(folder / "adl_names.mat", {"adl_names": names})
    assert [track.label for track in read(tmp_path).tracks][:2] == ["StandingUpFS", "Walking"]


def test_one_of_several_choices(tmp_path: Path) -> None:
    write(tmp_path, "fall")
    folder = write(tmp_path, "adl")
    with pytest.raises(
        MartletError, match=r"give one of these files: .*adl_data\.mat, .*fall_data"
    ):
        read(tmp_path)
    assert len(read(folder / "fall_data.mat").tracks) == 4


def test_what_does_not_fit(tmp_path: Path) -> None:
    folder = write(tmp_path, data=DATA[:, :5])
    with pytest.raises(MartletError, match=r"adl_data is \(4, 5\)"):
        read(tmp_path)
    write(tmp_path, labels=LABELS[:3])
    with pytest.raises(MartletError, match=r"adl_labels is \(3, 3\); \(4, 3\) goes with the data"):
        read(tmp_path)
    (folder / "adl_names.mat").unlink()
    (folder / "adl_labels.mat").unlink()
    with pytest.raises(MartletError, match=r"adl_labels\.mat' is missing"):
        read(tmp_path)
