"""YOLO's texts: layouts, polygons, and what is no fraction."""

from pathlib import Path

import pytest
from tests.boxed import HEIGHT, WIDTH, picture, text, yolo, yolo_beside

from martlet.data.boxes.read import BoxListing, read_boxes
from martlet.errors import MartletError

BOX = "0 0.5 0.5 0.25 0.5\n"


def read(root: Path, content: str) -> BoxListing:
    picture(root / "a.png")
    text(root / "a.txt", content)
    text(root / "classes.txt", "cat\ndog\n")
    return read_boxes(root, root)


@pytest.mark.parametrize(
    "content", [BOX, f"\ufeff{BOX}", BOX.replace("\n", "\r\n"), "0.0\t0.5  0.5 0.25 5e-1\n\n"]
)
def test_lines(tmp_path: Path, content: str) -> None:
    found = read(tmp_path, content)
    assert found.boxes[0].corners.tolist() == [[15, 5, 25, 15]]
    assert "Names of 2 classes from 'classes.txt'." in found.notes


def test_polygons_become_their_bounding_box(tmp_path: Path) -> None:
    found = read(tmp_path, BOX + "1 0.25 0.5 0.5 0.25 0.75 0.75\n1 nan 0 0 1 1 1\n")
    assert found.boxes[0].corners.tolist()[1:] == [[10, 5, 30, 15]]
    notes = " ".join(found.notes)
    assert "polygons, of which the bounding box is taken: 2, such as 'a.txt'." in notes
    assert "no finite number, dropped: 1" in notes


def test_fractions_slightly_outside_are_clipped_and_counted(tmp_path: Path) -> None:
    found = read(tmp_path, "0 0.5 0.5 1.02 1\n")
    assert found.boxes[0].corners.tolist() == [[0, 0, WIDTH, HEIGHT]]
    assert any("by up to 2 %, clipped: 1" in note for note in found.notes)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (BOX + "0 320 240 100 50\n", r"a.txt', line 2, has 320 \(looks like pixels in place of f"),
        ("0 0.5 0.5 -0.5 0.5\n", "line 1, has -0.5; accepted are fractions"),
        (BOX * 2 + "5 0.5 0.5 0.1 0.1\n", r"line 3, has class 5, and '.*' names 2, 0 to 1"),
        (BOX + "cat 0.5 0.5 0.1 0.1\n", "line 2, has 'cat 0.5 0.5 0.1 0.1'; accepted are numb"),
        ("0 0.5 0.5 0.1 0.1 0.9\n", "line 1, has 6 numbers; accepted are class, centre x"),
        ("0.5 0.5 0.5 0.1 0.1\n" + BOX, "line 1, begins with 0.5; accepted is the number"),
        ("\n", "no box: YOLO txt in 3 files, 2 pictures"),
    ],
)
def test_what_is_wrong_is_told_with_the_line(tmp_path: Path, content: str, sentence: str) -> None:
    picture(tmp_path / "b.png")
    text(tmp_path / "b.txt", BOX if "no box" not in sentence else "")
    with pytest.raises(MartletError, match=sentence):
        read(tmp_path, content)


def test_numbers_stand_for_names_that_are_not_there(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    text(tmp_path / "a.txt", BOX + BOX.replace("0", "10", 1) + BOX.replace("0", "9", 1))
    found = read_boxes(tmp_path, tmp_path)
    assert found.classes == ("0", "9", "10")
    assert found.boxes[0].labels.tolist() == [0, 2, 1]
    assert any("their numbers stand for them" in note for note in found.notes)


def test_texts_and_pictures_alone(tmp_path: Path) -> None:
    root, _ = yolo(tmp_path)
    (root / "labels" / "val" / "c.txt").unlink()
    (root / "images" / "train" / "b.png").unlink()
    found = read_boxes(root, root)
    assert len(found.pictures) == 3
    notes = " ".join(found.notes)
    assert "Texts without a picture, left out: 1, such as 'labels/train/b.txt'." in notes
    assert "Pictures without a .txt, taken as without boxes: 1, such as 'images/val/c.png'" in notes


def test_pictures_and_labels_given_apart(tmp_path: Path) -> None:
    root, _ = yolo(tmp_path)
    whole = read_boxes(root, root)
    for annotations in (root / "labels", [root / "labels" / part for part in ("train", "test")]):
        found = read_boxes(root / "images", annotations)
        assert found.classes == whole.classes
        assert found.parts == whole.parts
        assert [len(b.labels) for b in found.boxes] == [len(b.labels) for b in whole.boxes]
    found = read_boxes(root / "images" / "train", root / "labels" / "train")
    assert (found.pictures, found.parts) == (("a.png", "b.png"), ("train", "train"))


def test_labels_in_one_folder_of_pictures_in_several(tmp_path: Path) -> None:
    for part, name in (("train", "a"), ("val", "b"), ("val", "a")):
        picture(tmp_path / "images" / part / f"{name}.png")
    text(tmp_path / "txt" / "b.txt", BOX)
    text(tmp_path / "txt" / "a.txt", BOX)  # of which of the two is not guessed
    found = read_boxes(tmp_path / "images", tmp_path / "txt")
    assert [len(boxes.labels) for boxes in found.boxes] == [0, 0, 1]
    assert "Texts without a picture, left out: 1, such as 'a.txt'." in found.notes


def test_two_classes_of_one_name(tmp_path: Path) -> None:
    pictures, annotations = yolo_beside(tmp_path)
    text(pictures / "classes.txt", "cat\ncat\n")
    found = read_boxes(pictures, annotations)
    assert found.classes == ("cat",)
    assert "Classes of a name that another has too, merged: 1, such as 'cat'." in found.notes
