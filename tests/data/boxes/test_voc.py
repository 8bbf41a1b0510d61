"""Pascal VOC as programs write it: names, lists, pixels from 1 or 0."""

from pathlib import Path

import pytest
from tests.boxed import picture, text, voc, voc_object, voc_xml

from martlet.data.boxes.index import Index
from martlet.data.boxes.listing import BoxListing
from martlet.data.boxes.read import read_boxes
from martlet.data.boxes.voc import read_voc
from martlet.errors import MartletError

BOX = voc_object("cat", 2, 3, 9, 9)


def read(root: Path, **files: str) -> BoxListing:
    for name, content in files.items():
        picture(root / f"{name}.jpg")
        text(root / f"{name}.xml", content)
    return read_boxes(root, root)


def test_pixels_count_from_one_unless_a_box_begins_at_0(tmp_path: Path) -> None:
    found = read(tmp_path, a=voc_xml("a.jpg", BOX))
    assert found.boxes[0].corners.tolist() == [[1, 2, 9, 9]]
    flat = voc_object("cat", 0, 0, 0, 0)  # without area it says nothing
    assert read(tmp_path, b=voc_xml("b.jpg", flat)).boxes[0].corners.tolist() == [[1, 2, 9, 9]]
    found = read(tmp_path, b=voc_xml("b.jpg", voc_object("cat", 0, 3, 40, 9)))
    assert found.boxes[0].corners.tolist() == [[2, 3, 9, 9]]
    assert found.boxes[1].corners.tolist() == [[0, 3, 40, 9]]
    assert "Pixels count from 0, not from 1 as in Pascal VOC: 1 boxes begin at 0." in found.notes


def test_wrong_file_names_lead_to_the_picture_of_the_xml(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        a=voc_xml("IMG_1.jpg", BOX),
        b=voc_xml("b", BOX),  # without a suffix
        c=voc_xml("d.jpg", BOX),  # copied from another
        d=voc_xml("d.jpg", BOX, BOX.replace("cat", "dog")),
    )
    assert [len(boxes.labels) for boxes in found.boxes] == [1, 1, 1, 2]
    assert found.notes[0] == (
        "XML files with another file name than their picture's: 2, such as 'a.xml says IMG_1.jpg'."
    )


def test_xml_without_picture_and_objects_without_box(tmp_path: Path) -> None:
    text(tmp_path / "z.xml", voc_xml("z.jpg", BOX, BOX))
    polygon = "<object><name>cat</name><polygon><x1>1</x1></polygon></object>"
    found = read(tmp_path, a=voc_xml("a.jpg", BOX, polygon))
    assert found.pictures == ("a.jpg",)
    assert found.notes[:2] == (
        "XML files without a picture, left out with 2 boxes: 1, such as 'z.xml'.",
        "XML files with objects without a box (1), dropped: 1, such as 'a.xml'.",
    )


def test_difficult_boxes_are_ordinary(tmp_path: Path) -> None:
    difficult = BOX.replace("<bndbox>", "<difficult>1</difficult><bndbox>")
    assert read(tmp_path, a=voc_xml("a.jpg", difficult)).boxes[0].crowd.tolist() == [False]


def test_lists_of_parts(tmp_path: Path) -> None:
    voc(tmp_path)
    lists = tmp_path / "ImageSets" / "Main"
    (lists / "train.txt").unlink()
    (lists / "val.txt").unlink()
    text(lists / "trainval.txt", "a 1\r\nJPEGImages/b.png\r\n\r\ngone\r\n")
    text(lists / "cat_train.txt", "c -1\n")  # of one class
    found = read_voc(sorted((tmp_path / "Annotations").iterdir()), tmp_path, Index(tmp_path))
    assert list(found.pictures) == [f"JPEGImages/{name}.png" for name in "abd"]
    assert found.parts == ["train", "train", "test"]
    assert found.notes == [
        "XML files in no list of ImageSets/Main, left out: 1, such as 'Annotations/c.xml'.",
        "Names in ImageSets/Main without an XML file: 1, such as 'gone'.",
    ]
    text(lists / "test.txt", "d\na\n")
    with pytest.raises(MartletError, match=r"test.txt' names 'a' in line 2, which is in|trainval"):
        read_boxes(tmp_path, tmp_path)


def test_parts_by_folders(tmp_path: Path) -> None:
    for part in ("train", "valid"):
        picture(tmp_path / part / f"{part}.jpg")
        text(tmp_path / part / f"{part}.xml", voc_xml(f"{part}.jpg", BOX))
    assert read_boxes(tmp_path, tmp_path).parts == ("train", "val")
