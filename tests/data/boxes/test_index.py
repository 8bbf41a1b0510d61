"""Pictures are found by the names that other machines gave them, and never by chance."""

from pathlib import Path

import pytest
from tests.boxed import text

from martlet.data.boxes.index import Index, files_below
from martlet.errors import MartletError


def index(root: Path, *paths: str) -> Index:
    for path in paths:
        text(root / path, "")
    return Index(root)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.jpg", "train/a.jpg"),
        ("./train/a.jpg", "train/a.jpg"),
        ("train\\a.jpg", "train/a.jpg"),
        ("C:\\work\\train\\a.jpg", "train/a.jpg"),
        ("/home/test/pictures/other/a.jpg", "train/a.jpg"),  # "test" is far up
        ("val/a.jpg", None),  # of another part
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
        ("gone.jpg", None),
        ("..", None),
        ("", None),
    ],
)
def test_names(tmp_path: Path, name: str, found: str | None) -> None:
    pictures = index(tmp_path, "train/a.jpg", "caf\u00e9.jpg")
    assert pictures.find(name, tmp_path / "boxes.json") == found


def test_of_several_the_nearest_or_that_of_the_part(tmp_path: Path) -> None:
    pictures = index(tmp_path, "train/a.jpg", "val/a.jpg", "val/b/a.jpg")
    assert pictures.find("a.jpg", tmp_path / "val" / "x.xml") == "val/a.jpg"
    assert pictures.find("b/a.jpg", tmp_path / "x.xml") == "val/b/a.jpg"
    assert pictures.find("a.jpg", tmp_path / "x.xml", "train") == "train/a.jpg"
    assert pictures.with_stem("a", tmp_path / "train" / "a.xml") == "train/a.jpg"
    with pytest.raises(MartletError, match=r"names 'a.jpg', and 3 pictures .* may be meant"):
        pictures.find("a.jpg", tmp_path / "x.xml")


def test_folders_above_beside_and_below(tmp_path: Path) -> None:
    pictures = index(tmp_path / "images", "train/a.jpg", "val/b.jpg")
    assert pictures.inside(tmp_path / "images" / "val") == ["val/b.jpg"]
    assert pictures.inside(tmp_path) == ["train/a.jpg", "val/b.jpg"]
    assert pictures.inside(tmp_path / "images") == ["train/a.jpg", "val/b.jpg"]
    assert pictures.inside(tmp_path / "labels") == []


def test_what_is_no_folder_of_pictures(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match="holds no pictures; give the folder that they lie in"):
        Index(tmp_path)
    with pytest.raises(MartletError, match="is a file, not a folder"):
        Index(text(tmp_path / "a", ""))


def test_hidden_files_are_no_annotations(tmp_path: Path) -> None:
    index(tmp_path, "a.jpg", "a.xml", ".a.xml", "b/c.xml", ".git/d.xml", "__MACOSX/e.xml")
    assert [path.name for path in files_below(tmp_path)] == ["a.xml", "c.xml"]
