from pathlib import Path

import numpy as np
import pytest

from martlet.data.series.layout import Columns, list_files
from martlet.data.series.layouts.wisdm import WISDM
from martlet.errors import MartletError

RAW = """33,Jogging,1000000000,-0.5,12.25,0.5;
33,Jogging,1050000000,1,2,3;33,Walking,1100000000,4,5,6;

33,Walking,1150000000,7,8,9,;
33,Walking,1200000000,7,8,;
33,Walking,1250000000,7,8;
17,Walking,5,1,1,1
17,Walking,50000005,2,2,2;
33,Walking,9000000000,3,3,3;
,;
17,Wal
"""


def test_broken_lines_are_counted(tmp_path: Path) -> None:
    (tmp_path / "WISDM_ar_v1.1_raw.txt").write_text(RAW)
    (tmp_path / "readme.txt").write_text("about")
    files = list_files(tmp_path)
    assert WISDM.recognises(files)
    found = WISDM.read(files, Columns())
    name = "WISDM_ar_v1.1_raw.txt"
    assert [(t.name, t.subject) for t in found.tracks] == [
        (f"{name} 33", "33"),
        (f"{name} 17", "17"),
        (f"{name} 33 #2", "33"),
    ]
    first = found.tracks[0]
    assert first.values.tolist() == [[-0.5, 12.25, 0.5], [1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert first.codes is not None
    assert [first.names[code] for code in first.codes] == ["Jogging"] * 2 + ["Walking"] * 2
    np.testing.assert_allclose(first.times, [0, 0.05, 0.1, 0.15])  # type: ignore[arg-type]
    assert first.rate == 20.0
    assert found.odd == ["Broken lines, left out: 3, such as '33,Walking,1200000000,7,8,'."]


def test_files_of_one_sensor_with_a_key(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "phone" / "accel"
    folder.mkdir(parents=True)
    (folder / "data_1600_accel_phone.txt").write_text("1600,A,252207666810782,-0.36,8.79,1.05;\n")
    (tmp_path / "activity_key.txt").write_text("walking = A\njogging = B\n\n")
    (track,) = WISDM.read(list_files(tmp_path), Columns()).tracks
    assert (track.subject, track.names) == ("1600", ("walking",))
    (folder / "data_1600_gyro_phone.txt").write_text("1600,A,2,1,1,1;\n")
    with pytest.raises(MartletError, match=r"several sensors \(phone/accel, phone/gyro\)"):
        WISDM.read(list_files(tmp_path), Columns())


def test_no_line_of_this_form(tmp_path: Path) -> None:
    (tmp_path / "WISDM_ar_v1.1_raw.txt").write_text("nothing;\n")
    with pytest.raises(MartletError, match="holds no line of the form user,activity"):
        WISDM.read(list_files(tmp_path), Columns())
