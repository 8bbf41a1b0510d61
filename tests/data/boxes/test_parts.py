"""Names say parts by whole words."""

from pathlib import Path

import pytest

from martlet.data.boxes.parts import part_of, part_of_folder, parts_of_files, parts_of_folders
from martlet.errors import MartletError


@pytest.mark.parametrize(
    ("name", "part", "folder"),
    [
        ("instances_train2017", "train", None),
        ("val", "val", "val"),
        ("Valid", "val", "val"),
        ("test2017", "test", "test"),
        ("train_images", "train", "train"),
        ("trainval", "train", "train"),
        ("train_station", "train", None),
        ("constraints", None, None),
        ("valley", None, None),
        ("train_val", None, None),
        ("images", None, None),
    ],
)
def test_words(name: str, part: str | None, folder: str | None) -> None:
    assert part_of(name) == part
    assert part_of_folder(name) == folder


def test_files_say_parts_by_name_or_folder(tmp_path: Path) -> None:
    names = ["instances_train.json", "val/_annotations.json"]
    paths = [tmp_path / name for name in names]
    assert parts_of_files(paths, tmp_path) == ["train", "val"]
    assert parts_of_files(paths[:1], tmp_path) == [None]  # one file is the whole
    with pytest.raises(MartletError, match=r"more.json' has no train, val or test in its name"):
        parts_of_files([*paths, tmp_path / "more.json"], tmp_path)


def test_folders_say_parts_if_train_is_one(tmp_path: Path) -> None:
    assert parts_of_folders(["train/a", "x/val/b"]) == ["train", "val"]
    assert parts_of_folders(["test/a", "street/b"]) == [None, None]
    assert parts_of_folders(["train/a", "harbour/b"]) == [None, None]
    assert parts_of_folders(["train/a"]) == [None]
    with pytest.raises(MartletError, match="1 pictures lie outside of the folders that say"):
        parts_of_folders(["train/a", "val/b", "c"])
