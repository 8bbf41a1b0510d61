from pathlib import Path

import numpy as np
import pytest

from martlet.data.series.layout import Columns, list_files
from martlet.data.series.layouts.opportunity import OPPORTUNITY
from martlet.data.series.read import read_recordings
from martlet.errors import MartletError

TRACKS = [
    "Locomotion",
    "HL_Activity",
    *(f"LL_{side}_Arm{what}" for side in ("Left", "Right") for what in ("", "_Object")),
    "ML_Both_Arms",
]
LEGEND = """Unique index   -   Track name   -   Label name

1   -   Locomotion   -   Stand
2   -   Locomotion   -   Walk
406516   -   ML_Both_Arms   -   Open Door 1
"""


@pytest.fixture
def opportunity(tmp_path: Path) -> Path:
    """Two files of 12 rows, 250 columns, at 30 Hz in whole milliseconds."""
    folder = tmp_path / "OpportunityUCIDataset" / "dataset"
    folder.mkdir(parents=True)
    names = ["MILLISEC", *(f"Accelerometer P{i} accX" for i in range(2, 242)), *["REED"] * 2]
    units = "; value = round(original_value), unit = milli g"
    lines = [f"Column: {i} {n}{units if i > 1 else ''}" for i, n in enumerate(names, start=1)]
    lines += ["", *(f"Column: {i} {n}" for i, n in enumerate(TRACKS, start=244))]
    (folder / "column_names.txt").write_text("Data columns:\n" + "\n".join(lines) + "\n")
    (folder / "label_legend.txt").write_text(LEGEND)
    for name in ("S1-ADL1.dat", "S2-Drill.dat"):
        rows = []
        for row in range(12):
            label = (0, 1, 2)[row // 4]
            cells = [str(row * 1000 // 30), *(str(i + row) for i in range(242))]
            cells += [str(label), *["0"] * 5, "406516" if label else "0"]
            rows.append(" ".join(cells))
        rows[5] = rows[5].replace(" 6 ", " NaN ", 1)
        (folder / name).write_text("\n".join(rows) + "\n")
    return tmp_path


def test_a_column_of_labels(opportunity: Path) -> None:
    files = list_files(opportunity)
    assert OPPORTUNITY.recognises(files)
    found = OPPORTUNITY.read(files, Columns(label="Locomotion"))
    one, other = found.tracks
    assert (one.subject, other.subject) == ("S1", "S2")
    assert one.names == ("Stand", "Walk")
    assert one.codes is not None
    assert one.codes.tolist() == [-1] * 4 + [0] * 4 + [1] * 4
    assert len(one.channels) == 242
    assert one.channels[0] == "Accelerometer P2 accX"
    assert one.channels[-2:] == ("REED (242)", "REED (243)")
    assert one.values[2, :3].tolist() == [2, 3, 4]
    assert np.isnan(one.values[5]).sum() == 1


def test_through_read_recordings(opportunity: Path) -> None:
    recordings = read_recordings(
        opportunity, label_column="ML_Both_Arms", channels=["Accelerometer P2*"]
    )
    assert recordings.classes == ("Open Door 1",)
    assert recordings.subjects == ("S1", "S2")
    assert recordings.rate == 30.0
    assert len(recordings) == 2
    assert len(recordings.channels) == 1 + 10 + 42


def test_labels_are_asked_for(opportunity: Path) -> None:
    with pytest.raises(MartletError, match="has 7 columns of labels; name one by label_column: Lo"):
        read_recordings(opportunity)
    with pytest.raises(MartletError, match="label_column: 'Locomotive' is not known"):
        read_recordings(opportunity, label_column="Locomotive")


@pytest.mark.parametrize(
    ("known", "said"),
    [(None, "No column of labels is used; "), ("Locomotion", "Labels are those of Locomotion, 0 ")],
)
def test_where_labels_are_not_needed(opportunity: Path, known: str | None, said: str) -> None:
    found = OPPORTUNITY.read(list_files(opportunity), Columns(label=known, labelled=False))
    assert (found.tracks[0].codes is None) == (known is None)
    assert found.told[0].startswith(said)


@pytest.mark.parametrize("name", ["column_names.txt", "label_legend.txt"])
def test_what_lies_beside(opportunity: Path, name: str) -> None:
    path = opportunity / "OpportunityUCIDataset" / "dataset" / name
    path.write_text("nothing\n")
    with pytest.raises(MartletError, match=rf"{name}' (does not name column 1|has no line)"):
        read_recordings(opportunity, label_column="Locomotion")
    path.unlink()
    with pytest.raises(MartletError, match=rf"{name}' is missing"):
        read_recordings(opportunity, label_column="Locomotion")
