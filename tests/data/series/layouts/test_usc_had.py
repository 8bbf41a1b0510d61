from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from martlet.data.series.layout import Columns, list_files
from martlet.data.series.layouts.usc_had import USC_HAD
from martlet.errors import MartletError


def write(root: Path, name: str, key: str = "activity_number", columns: int = 6) -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    readings = np.arange(4.0 * columns).reshape(4, columns)
    savemat(
        root / name,
        {"title": "USC Human Motion Database", "subject": "1", key: "1", "trial": "1"}
        | {"activity": "walking-forward", "sensor_readings": readings},
    )
    return root


def test_trials(tmp_path: Path) -> None:
    write(tmp_path, "USC-HAD/Subject1/a1t1.mat")
    write(tmp_path, "USC-HAD/Subject13/a12t5.mat", key="activity_numbr")  # as some files have it
    files = list_files(tmp_path)
    assert USC_HAD.recognises(files)
    tracks = USC_HAD.read(files, Columns()).tracks
    assert [(t.label, t.subject, t.rate) for t in tracks] == [
        ("walking forward", "1", 100.0),
        ("elevator down", "13", 100.0),
    ]
    assert tracks[0].channels == ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
    assert tracks[0].values[1].tolist() == [6, 7, 8, 9, 10, 11]


def test_other_files(tmp_path: Path) -> None:
    write(tmp_path, "Subject1/a1t1.mat", columns=5)
    with pytest.raises(MartletError, match=r"sensor_readings is \(4, 5\); \(N, 6\) is accepted"):
        USC_HAD.read(list_files(tmp_path), Columns())
    with pytest.raises(MartletError, match="holds no Subject1/a1t1"):
        USC_HAD.read(list_files(Path(__file__)), Columns())
