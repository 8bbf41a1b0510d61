"""Formats are recognised by what files hold."""

from pathlib import Path

import pytest
from tests.boxed import LAYOUTS, text

from martlet.data.boxes.recognise import looks_like_label, recognise
from martlet.errors import MartletError

LABEL = "0 0.5 0.5 0.2 0.2\n"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(tmp_path: Path, layout: str) -> None:
    _, annotations = LAYOUTS[layout](tmp_path)
    format = {"table": "csv", "retinanet": "csv"}.get(layout, layout.partition("_")[0])
    assert recognise([annotations]).format == format


def test_what_lies_beside_is_no_annotation(tmp_path: Path) -> None:
    text(tmp_path / "a.xml", "<annotation/>")
    text(tmp_path / "README.txt", "about\n")
    text(tmp_path / "package.json", '{"name": "x"}')
    text(tmp_path / "metadata.csv", "camera,day\nx,1\n")
    text(tmp_path / "compose.yaml", "services: {}\n")
    found = recognise([tmp_path])
    assert (found.format, [path.name for path in found.paths]) == ("voc", ["a.xml"])
    assert [path.name for path in found.left_out] == ["metadata.csv", "package.json"]


def test_several_formats_and_none(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match="holds no file, which is no annotation of boxes in a"):
        recognise([tmp_path])
    text(tmp_path / "notes.txt", "about\n")
    text(tmp_path / "a.md", "about\n")
    with pytest.raises(MartletError, match=r"holds 1 files of \.txt, 1 files of \.md|accepted: Pa"):
        recognise([tmp_path])
    text(tmp_path / "a.txt", LABEL)
    assert recognise([tmp_path]).format == "yolo"
    text(tmp_path / "a.xml", "<annotation/>")
    with pytest.raises(MartletError, match=r"files of YOLO txt \(2\) and Pascal VOC \(1\)|VOC \(1"):
        recognise([tmp_path])
    assert recognise([tmp_path / "a.xml"]).format == "voc"


def test_several_folders_have_the_folder_that_holds_both(tmp_path: Path) -> None:
    for part in ("train", "val"):
        text(tmp_path / part / "labels" / "a.txt", LABEL)
    found = recognise([tmp_path / "train" / "labels", tmp_path / "val" / "labels"])
    assert (found.root, len(found.paths)) == (tmp_path, 2)


@pytest.mark.parametrize(
    ("content", "is_label"),
    [
        (LABEL, True),
        ("\n\n3.0 1 2 3 4 5 6\n", True),
        ("cat 1 2 3 4\n", False),
        ("1 2 3 4\n", False),
        ("2008_1 -1\n", False),
        ("0.5 1 2 3 4\n", False),
        ("", False),
    ],
)
def test_labels(tmp_path: Path, content: str, is_label: bool) -> None:
    assert looks_like_label(text(tmp_path / "a.txt", content)) == is_label
