"""Parts from data.yaml: folders and lists, also of another machine."""

from pathlib import Path

import pytest
from tests.boxed import picture, text, yolo

from martlet.data.boxes.class_files import read_class_file
from martlet.data.boxes.index import Index
from martlet.data.boxes.yolo_parts import parts_of_class_file
from martlet.errors import MartletError

NAMES = "names: [cat, dog]\n"
WANTED = {"images/train/a.png": "train", "images/train/b.png": "train", "images/val/c.png": "val"}


def parts(root: Path, content: str, notes: list[str] | None = None) -> dict[str, str]:
    file = read_class_file(text(root / "data.yaml", content + NAMES))
    return parts_of_class_file(file, Index(root), [] if notes is None else notes)


@pytest.mark.parametrize(
    "entries",
    [
        "train: images/train\nval: images/val\n",
        "path: /content/datasets/mine\ntrain: images/train\nval: images/val\n",
        "train: /home/other/mine/images/train/\nval: C:\\mine\\images\\val\n",
        "train: ../images/train\nval: ../images/val\ntest:\n",
        "train:\n  - images/train\nval: [images/val]\ntest: ''\n",
        "train: lists/train.txt\nval: lists/val.txt\n",
        "path: images\ntrain: train\nval: val\n",
    ],
)
def test_entries(tmp_path: Path, entries: str) -> None:
    yolo(tmp_path)
    text(tmp_path / "lists" / "train.txt", "./images/train/a.png\r\nimages/train/b.png\r\n\r\n")
    text(tmp_path / "lists" / "val.txt", "/home/other/images/val/c.png\n")
    assert parts(tmp_path, entries) == WANTED


def test_lists_beside_the_names(tmp_path: Path) -> None:
    """Darknet's: obj.names, train.txt, and pictures with texts in a folder."""
    picture(tmp_path / "obj_train_data" / "a.png")
    picture(tmp_path / "obj_train_data" / "b.png")
    text(tmp_path / "train.txt", "data/obj_train_data/a.png\ndata/obj_train_data/z.png\n")
    text(tmp_path / "valid.txt", "data/obj_train_data/b.png\n")
    file = read_class_file(text(tmp_path / "obj.names", "cat\ndog\n"))
    notes: list[str] = []
    found = parts_of_class_file(file, Index(tmp_path), notes)
    assert found == {"obj_train_data/a.png": "train", "obj_train_data/b.png": "val"}
    assert notes == [
        "Pictures in train.txt that are not there: 1, such as 'data/obj_train_data/z.png'."
    ]


def test_entries_that_are_not_here(tmp_path: Path) -> None:
    yolo(tmp_path)
    notes: list[str] = []
    assert parts(tmp_path, "train: images/train\ntest: images/gone\n", notes)
    assert notes == [
        "Parts in data.yaml whose pictures are not here: 1, such as 'test: images/gone'."
    ]
    assert parts(tmp_path, "train: gone\n") == {}
    with pytest.raises(MartletError, match="has train='gone', which is neither a folder nor"):
        parts(tmp_path, "train: gone\nval: images/val\n")


def test_a_folder_for_two_parts_is_refused(tmp_path: Path) -> None:
    yolo(tmp_path)
    with pytest.raises(MartletError, match=r"has 'images/train/a.png' in two parts, train and val"):
        parts(tmp_path, "train: images/train\nval: images/train\n")
