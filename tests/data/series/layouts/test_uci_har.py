from pathlib import Path

import numpy as np
import pytest

from martlet.data.series.layout import Columns, list_files
from martlet.data.series.layouts.uci_har import UCI_HAR
from martlet.errors import MartletError

SIGNALS = [
    f"{sensor}_{axis}" for sensor in ("body_acc", "body_gyro", "total_acc") for axis in "xyz"
]


@pytest.fixture
def uci_har(tmp_path: Path) -> Path:
    """Three windows to train on and two to test, of 128 values in columns of fixed width."""
    root = tmp_path / "UCI HAR Dataset"
    for part, rows, subjects, labels in (
        ("train", 3, "1\n1\n3\n", "5\n1\n1\n"),
        ("test", 2, "2\n2\n", "1\n5\n"),
    ):
        (root / part / "Inertial Signals").mkdir(parents=True)
        for number, name in enumerate(SIGNALS):
            values = number + np.arange(rows * 128).reshape(rows, 128) / 1000
            lines = ["".join(f" {value: .7e}" for value in row) for row in values]
            path = root / part / "Inertial Signals" / f"{name}_{part}.txt"
            path.write_text("\n".join(lines) + "\n")
        (root / part / f"subject_{part}.txt").write_text(subjects)
        (root / part / f"y_{part}.txt").write_text(labels)
        (root / part / f"X_{part}.txt").write_text("  1.0  2.0\n" * rows)
    (root / "activity_labels.txt").write_text("1 WALKING\n5 STANDING\n")
    (root / "features.txt").write_text("1 tBodyAcc-mean()-X\n")
    return tmp_path


@pytest.mark.parametrize("below", ["", "UCI HAR Dataset"])
def test_windows_subjects_and_parts(uci_har: Path, below: str) -> None:
    files = list_files(uci_har / below)
    assert UCI_HAR.recognises(files)
    tracks = UCI_HAR.read(files, Columns()).tracks
    assert [(t.label, t.subject, t.part) for t in tracks] == [
        ("STANDING", "1", "train"),
        ("WALKING", "1", "train"),
        ("WALKING", "3", "train"),
        ("WALKING", "2", "test"),
        ("STANDING", "2", "test"),
    ]
    assert tracks[0].channels == tuple(SIGNALS)
    assert tracks[1].values.shape == (128, 9)
    np.testing.assert_allclose(tracks[1].values[0], np.arange(9) + 0.128, atol=1e-6)
    assert tracks[1].rate == 50.0
    assert tracks[1].name.endswith("train/#2")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("train/y_train.txt", "5\n1\n", r"y_train\.txt' has 2 lines, and .*body_acc_x_train"),
        ("train/subject_train.txt", "5\n1\n\n1\n1\n", "subject_train.txt' has 4 lines"),
        ("train/y_train.txt", "5 1\n", "has 2 columns; 1 are"),
        ("train/Inertial Signals/body_gyro_y_train.txt", " 1 2\n", "has 1 lines of 2 values, and"),
    ],
)
def test_files_that_do_not_fit(uci_har: Path, name: str, text: str, message: str) -> None:
    (uci_har / "UCI HAR Dataset" / name).write_text(text)
    with pytest.raises(MartletError, match=message):
        UCI_HAR.read(list_files(uci_har), Columns())


def test_without_files_beside(uci_har: Path) -> None:
    (uci_har / "UCI HAR Dataset" / "activity_labels.txt").unlink()
    assert UCI_HAR.read(list_files(uci_har), Columns()).tracks[0].label == "5"
    (uci_har / "UCI HAR Dataset" / "train" / "y_train.txt").unlink()
    with pytest.raises(MartletError, match=r"train/y_train\.txt' is missing"):
        UCI_HAR.read(list_files(uci_har), Columns())
    with pytest.raises(MartletError, match="no folder 'Inertial Signals'"):
        UCI_HAR.read(list_files(uci_har / "UCI HAR Dataset" / "features.txt"), Columns())
