from pathlib import Path

import numpy as np
import pytest

from martlet.data.series.known_layouts import recognise
from martlet.data.series.layout import Columns, Found, list_files
from martlet.errors import MartletError

MOTION = ",attitude.roll,gravity.x\n0,1.5,0.1\n1,2.5,0.2\n2,3.5,0.3\n"


def fill(root: Path, *names: str, text: str = "x,y\n1,2\n3,4\n") -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def read(root: Path, columns: Columns | None = None) -> tuple[str, Found]:
    files, columns = list_files(root), columns or Columns()
    layout = recognise(files, columns)
    return layout.name, layout.read(files, columns)


def test_motionsense(tmp_path: Path) -> None:
    names = [
        f"A_DeviceMotion_data/{a}/sub_{n}.csv" for a in ("dws_1", "dws_11", "sit_5") for n in "12"
    ]
    layout, found = read(fill(tmp_path, *names, "LICENSE.txt", text=MOTION))
    assert layout == "activity_trial/subject"
    assert [(t.name, t.label, t.subject) for t in found.tracks] == [
        (name, name.split("/")[1].split("_")[0], name[-9:-4]) for name in names
    ]
    assert found.tracks[0].channels == ("attitude.roll", "gravity.x")
    assert found.tracks[0].values.dtype == np.float32
    np.testing.assert_allclose(found.tracks[0].values, [[1.5, 0.1], [2.5, 0.2], [3.5, 0.3]])
    assert found.odd == ["Row numbers in the first column, dropped: in 6 tables."]


@pytest.mark.parametrize(
    ("names", "layout", "labels", "subjects"),
    [
        (
            ["s1/run/a.csv", "s1/walk/a.csv", "s2/run/a.csv"],
            "subject/activity/file",
            ["run", "walk", "run"],
            ["s1", "s1", "s2"],
        ),
        (
            ["run/1/a.csv", "run/2/a.csv", "walk/1/a.csv"],
            "activity/subject/file",
            ["run", "run", "walk"],
            ["1", "2", "1"],
        ),
        (
            ["run/a.csv", "walk/b.csv", "walk/c.tsv"],
            "activity/file",
            ["run", "walk", "walk"],
            [None] * 3,
        ),
        (["run/s01.csv", "walk/s02.csv"], "activity/file", ["run", "walk"], [None] * 2),
        (
            ["run/subject1.csv", "walk/subject1.csv"],
            "activity/subject",
            ["run", "walk"],
            ["subject1"] * 2,
        ),
        (
            ["user_1/run_1.csv", "user_1/run_2.csv", "user_2/walk.csv"],
            "subject/activity",
            ["run", "run", "walk"],
            ["user_1", "user_1", "user_2"],
        ),
        (["data/run/a.csv", "data/walk/b.csv"], "activity/file", ["run", "walk"], [None] * 2),
    ],
)
def test_folders(
    tmp_path: Path, names: list[str], layout: str, labels: list[str], subjects: list[str | None]
) -> None:
    recognised, found = read(fill(tmp_path, *names))
    assert recognised == layout
    assert [track.name for track in found.tracks] == names
    assert [track.label for track in found.tracks] == labels
    assert [track.subject for track in found.tracks] == subjects


def test_given_parts(tmp_path: Path) -> None:
    names = ["test/run/subject1.csv", "train/run/subject2.csv", "train/walk/subject2.csv"]
    layout, found = read(fill(tmp_path, *names))
    assert layout == "activity/subject"
    assert [track.part for track in found.tracks] == ["test", "train", "train"]


def test_a_column_says_who_it_was(tmp_path: Path) -> None:
    fill(tmp_path, "run/a.csv", "walk/b.csv", text="x,who\n1,3\n3,3\n")
    layout, found = read(tmp_path, Columns(group="who"))
    assert layout == "activity/file"
    assert [(track.subject, track.channels) for track in found.tracks] == [("3", ("x",))] * 2
    assert found.told == ["Activities are read off the folders, subjects in column 'who'."]
    fill(tmp_path, "walk/c.csv", text="x,who\n1,3\n3,4\n")
    with pytest.raises(MartletError, match=r"'walk/c\.csv' is of '3', '4', with rows of none or"):
        read(tmp_path, Columns(group="who"))
    fill(tmp_path, "walk/c.csv", text="x,who\n1,3\n3,\n")
    with pytest.raises(MartletError, match="with rows of none or of several"):
        read(tmp_path, Columns(group="who"))


@pytest.mark.parametrize(
    ("layout", "asked", "message"),
    [
        ("activity/subject", Columns(group="x"), "group_by='x' names a column, and folders as act"),
        ("activity/file", Columns(label="x"), "label_column='x' names a column, and folders as"),
    ],
)
def test_columns_of_what_the_paths_say(
    tmp_path: Path, layout: str, asked: Columns, message: str
) -> None:
    from martlet.data.series.known_layouts import find

    with pytest.raises(MartletError, match=message):
        find(layout).read(list_files(fill(tmp_path, "run/user1.csv", "walk/user2.csv")), asked)


def test_class_names_have_one_form(tmp_path: Path) -> None:
    _, found = read(fill(tmp_path, "cafe\u0301/a.csv", "x/a.csv"))
    assert found.tracks[0].label == "caf\xe9"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["anna/run/a.csv", "berta/walk/a.csv"], "say layout='subject/activity/file' or"),
        (["run/a.csv", "run/b/c.csv"], "mixes tables at several depths, such as 'run/a.csv'"),
        (["a.csv", "run/b.csv"], "mixes tables at several depths"),
        (["a/b/c/1.csv", "a/b/d/1.csv", "b/b/c/1.csv"], "give them as one of activity_trial/"),
    ],
)
def test_folders_that_are_not_clear(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(MartletError, match=message):
        read(fill(tmp_path, *names))


def test_a_layout_that_does_not_fit(tmp_path: Path) -> None:
    from martlet.data.series.known_layouts import find

    layout = find("subject/activity/file")
    with pytest.raises(MartletError, match=r"'run/a\.csv' does not lie as subject/activity/file"):
        layout.read(list_files(fill(tmp_path, "run/a.csv", "walk/a.csv")), Columns())
    with pytest.raises(MartletError, match="holds no tables"):
        layout.read(list_files(fill(tmp_path / "x", "a.txt")), Columns())
