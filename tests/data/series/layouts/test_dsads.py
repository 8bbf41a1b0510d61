from pathlib import Path

import pytest

from martlet.data.series.layout import Columns, list_files
from martlet.data.series.layouts.dsads import CHANNELS, DSADS
from martlet.errors import MartletError


def write(root: Path, name: str, columns: int = 45) -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    rows = [",".join(f"{row / 4 + i:.5g}" for i in range(columns)) for row in range(125)]
    (root / name).write_text("\n".join(rows) + "\n")
    return root


def test_segments(tmp_path: Path) -> None:
    for name in ("data/a01/p1/s01.txt", "data/a01/p2/s01.txt", "data/a19/p1/s60.txt"):
        write(tmp_path, name)
    files = list_files(tmp_path)
    assert DSADS.recognises(files)
    tracks = DSADS.read(files, Columns()).tracks
    assert [(t.name, t.label, t.subject) for t in tracks] == [
        ("data/a01/p1/s01.txt", "sitting", "p1"),
        ("data/a01/p2/s01.txt", "sitting", "p2"),
        ("data/a19/p1/s60.txt", "playing basketball", "p1"),
    ]
    assert tracks[0].values.shape == (125, 45)
    assert tracks[0].values[4, :2].tolist() == [1, 2]
    assert tracks[0].rate == 25.0
    assert CHANNELS[:4] == ("torso_xacc", "torso_yacc", "torso_zacc", "torso_xgyro")
    assert CHANNELS[9] == "right_arm_xacc"


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"'a01/p1/s01\.txt' has 44 columns; 45 are"):
        DSADS.read(list_files(write(tmp_path, "a01/p1/s01.txt", 44)), Columns())
    with pytest.raises(MartletError, match="holds no a01/p1/s01"):
        DSADS.read(list_files(Path(__file__)), Columns())
