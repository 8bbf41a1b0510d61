from pathlib import Path

import pytest

from martlet.data.series.known_layouts import recognise
from martlet.data.series.layout import Columns, Found, list_files
from martlet.data.series.layouts.labelled_table import LABELLED_TABLE
from martlet.errors import MartletError

ONE = "who,time,x,y,what\na,0.00,1,2,walk\na,0.02,3,4,run\nb,0.00,5,6,run\nb,0.02,7,8,\n"


def read(data: Path, **columns: str) -> tuple[str, Found]:
    files, asked = list_files(data), Columns(**columns)  # type: ignore[arg-type]
    layout = recognise(files, asked)
    return layout.name, layout.read(files, asked)


def test_one_table_with_named_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(ONE)
    layout, found = read(tmp_path / "a.csv", label="what", group="who")
    assert layout == "table"
    one, other = found.tracks
    assert (one.name, one.subject, one.channels) == ("a.csv a", "a", ("x", "y"))
    assert one.values.tolist() == [[1, 2], [3, 4]]
    assert (one.names, one.codes.tolist()) == (("walk", "run"), [0, 1])  # type: ignore[union-attr]
    assert other.codes.tolist() == [1, -1]  # type: ignore[union-attr]
    assert other.times is not None
    assert other.times.tolist() == [0, 0.02]
    assert found.told == [
        "Tables with labels in column 'what', subjects in column 'who'.",
        "Time stamps: column 'time' in s.",
    ]


def test_columns_whose_names_say_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("User,x,Activity\n1,5,7\n2,6,7\n1,7,8\n")
    _, found = read(tmp_path / "a.csv")
    assert [(t.name, t.subject) for t in found.tracks] == [
        ("a.csv 1", "1"),
        ("a.csv 2", "2"),
        ("a.csv 1 #2", "1"),
    ]
    assert found.told == ["Tables with labels in column 'Activity', subjects in column 'User'."]


def test_a_table_a_recording(tmp_path: Path) -> None:
    for name in ("subject2/b.csv", "subject1.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x,mode\n1,2\n2,2\n")
    _, found = read(tmp_path, label="mode")
    assert [(t.name, t.subject) for t in found.tracks] == [
        ("subject1.csv", "subject1"),
        ("subject2/b.csv", "subject2"),
    ]


def test_tables_without_labels_are_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    _, found = read(tmp_path)
    assert found.tracks[0].codes is None
    assert found.odd == [
        "Tables without a column of labels: 'a.csv' has none of 'x', 'y'; name one by label_column."
    ]


def test_a_table_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("0.5,1,3\n0.6,1,4\n")
    _, found = read(tmp_path, label="3", group="2")
    assert found.tracks[0].channels == ("1",)
    assert found.tracks[0].names == ("3", "4")


@pytest.mark.parametrize(
    ("head", "known", "label", "group"),
    [
        ("user,x,label,class", None, None, "user"),  # two could be meant
        ("user,x,label,class", "class", "class", "user"),  # the run says which
        ("user,subject,x,class", "mode", "class", None),  # the run's is not there
        ("a,b,x,y", "mode", None, None),
    ],
)
def test_where_labels_are_not_needed(
    tmp_path: Path, head: str, known: str | None, label: str | None, group: str | None
) -> None:
    (tmp_path / "a.csv").write_text(f"{head}\n1,2,3,4\n")
    files = list_files(tmp_path / "a.csv")
    asked = Columns(("x",), known, "who", "clock", of_network=True, labelled=False)
    found = LABELLED_TABLE.read(files, asked)
    with_label = f"labels in column {label!r}" if label else "no labels"
    assert found.told == [
        f"Tables with {with_label}" + (f", subjects in column {group!r}." if group else ".")
    ]
    assert (found.tracks[0].codes is not None) == (label is not None)
    assert len(found.odd) == ("label,class" in head and not label) + ("user,subject" in head)
    assert "label_column" not in str(found.odd)


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("label,class,x\n1,2,3\n", {}, "'label', 'class'; name one by label_column"),
        ("user,subject,x\n1,2,3\n", {}, "'user', 'subject'; name one by group_by"),
        ("who,x\n1,2\n,3\n", {"group": "who"}, "the cell of the subject is empty in row 2"),
        ("x,y\n1,2\n", {"label": "activity"}, "label_column: 'activity' is not known"),
    ],
)
def test_tables_that_are_not_clear(
    tmp_path: Path, text: str, columns: dict[str, str], message: str
) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(MartletError, match=message):
        read(tmp_path / "a.csv", **columns)
