from pathlib import Path

import numpy as np
import pytest

from martlet.data.series.layout import Columns, list_files
from martlet.data.series.layouts.pamap2 import CHANNELS, PAMAP2
from martlet.data.series.read import read_recordings
from martlet.errors import MartletError


def write(root: Path, name: str = "Protocol/subject101.dat", rows: int = 60) -> Path:
    """Rows at 100 Hz, the heart rate in every tenth or eleventh, a packet of the hand lost."""
    lines = []
    for row in range(rows):
        cells = [f"{8.38 + row / 100:.2f}", str((0, 4, 24)[row * 3 // rows])]
        cells.append(str(100 + row) if row % 11 == 4 else "NaN")
        cells += ["NaN" if row == 30 and i < 17 else f"{i + row / 4:g}" for i in range(51)]
        lines.append(" ".join(cells))
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("\n".join(lines) + "\n")
    return root


def test_channels_and_activities(tmp_path: Path) -> None:
    files = list_files(write(tmp_path))
    assert PAMAP2.recognises(files)
    (track,) = PAMAP2.read(files, Columns()).tracks
    assert (track.name, track.subject, track.rate) == ("Protocol/subject101.dat", "101", 100.0)
    assert len(CHANNELS) == 52
    assert len(track.channels) == 40  # without the orientations
    assert track.channels[:3] == ("heart_rate", "hand_temperature", "hand_acc16_x")
    assert track.channels[-1] == "ankle_mag_z"
    assert track.names == ("walking", "rope jumping")
    assert track.codes is not None
    assert track.codes.tolist() == [-1] * 20 + [0] * 20 + [1] * 20
    assert track.values[4, 0] == 104
    assert track.values[8, 1:3].tolist() == [2, 3]
    assert track.values[8, -1] == 46 + 2  # three IMUs of 17, the last four are the orientation


def test_asked_channels(tmp_path: Path) -> None:
    columns = Columns(channels=("chest_orientation_1", "hand_acc16_*"))
    (track,) = PAMAP2.read(list_files(write(tmp_path)), columns).tracks
    assert track.channels[:2] == ("chest_orientation_1", "hand_acc16_x")
    assert track.values[0].tolist() == [17 + 13, 1, 2, 3]


def test_the_heart_rate_cuts_nothing(tmp_path: Path) -> None:
    recordings = read_recordings(write(tmp_path))
    (only,) = recordings
    assert only.name == "Protocol/subject101.dat"
    assert np.isfinite(only.values).all()
    assert only.values[30, 1] == 0 + 30 / 4
    np.testing.assert_allclose(only.values[4:49, 0], 104 + np.arange(45), atol=1e-3)
    assert recordings.classes == ("rope jumping", "walking")
    assert recordings.odd == (
        "Channel 'heart_rate' has a value in one row of 11 or so, as a slower sensor's; lines "
        "between them fill the rest.",
        "Missing values: 13; 13 of them, in gaps of up to 0.1s, lie on the line between their "
        "neighbours.",
        "Samples without a label, in no window: 20 of 60.",
    )


def test_a_sensor_that_is_missing_in_one_file(tmp_path: Path) -> None:
    path = write(tmp_path) / "Protocol" / "subject102.dat"
    line = " ".join(["0.01", "4", "NaN", *["1"] * 51])
    path.write_text(f"{line}\n{line.replace('0.01', '0.02')}\n")
    with pytest.raises(
        MartletError, match=r"subject102\.dat': channel 'heart_rate' is missing thr"
    ):
        read_recordings(tmp_path)


def test_other_files(tmp_path: Path) -> None:
    path = write(tmp_path) / "Protocol" / "subject101.dat"
    path.write_text("1 2 3\n")
    with pytest.raises(MartletError, match="has 3 columns; 54 are"):
        read_recordings(tmp_path)
    path.write_text(" ".join(["NaN"] * 54) + "\n")
    with pytest.raises(MartletError, match="has rows without a time or an activity"):
        read_recordings(tmp_path)
    path.write_text(" ".join(["1", "1.5", *["1"] * 52]) + "\n")
    with pytest.raises(MartletError, match="activities in column 2 are not all whole numbers"):
        read_recordings(tmp_path)
    with pytest.raises(MartletError, match="holds no subject101"):
        PAMAP2.read(list_files(Path(__file__)), Columns())
