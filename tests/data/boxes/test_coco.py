"""COCO JSON: ids of all kinds, several files, and sentences with the id."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.boxed import TRUTH, coco_of, coco_parts, picture, pictures, text

from martlet.data.boxes.coco import read_coco
from martlet.data.boxes.found import Found
from martlet.data.boxes.index import Index
from martlet.data.boxes.read import read_boxes
from martlet.errors import MartletError

NAMES = list(TRUTH)


def read(root: Path, content: Any) -> Found:
    path = text(root / "a.json", content if isinstance(content, str) else json.dumps(content))
    return read_coco([path], root, Index(pictures(root / "images")))


def changed(table: str, number: int, **values: Any) -> dict[str, Any]:
    content = coco_of(NAMES)
    content[table][number].update(values)
    return content


def test_ids_may_be_anything_that_fits(tmp_path: Path) -> None:
    found = read(tmp_path, coco_of(NAMES))
    assert found.classes == ("cat", "dog")  # by their ids, 3 and 2,000,007
    content = json.dumps(coco_of(NAMES)).replace("2000007", '"two"')
    assert read(tmp_path, content).classes == ("dog", "cat")


def test_categories_of_one_name_are_merged(tmp_path: Path) -> None:
    content = coco_of(NAMES)
    content["categories"].append({"id": 9, "name": " dog "})
    content["annotations"][0]["category_id"] = 9
    found = read(tmp_path, content)
    assert found.classes == ("cat", "dog")
    assert "Categories of a name that another has too, merged: 1, such as 'dog'." in found.notes


def test_crowds_are_marked_and_annotations_without_box_dropped(tmp_path: Path) -> None:
    content = changed("annotations", 0, iscrowd=1)
    content["annotations"][1]["bbox"] = []
    found = read(tmp_path, content)
    assert found.crowd().tolist() == [True, False, False, False, False]
    assert found.notes == [
        "Annotations without a box, dropped: 1, such as 'annotations[1] of a.json'.",
        "Crowds, kept and marked: 1.",
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{\n"images": [\n}', "is broken JSON: line 3: Expecting value"),
        ("[1]", "holds a list; COCO JSON is an object with the lists images, annotations and"),
        ({"images": [], "shapes": []}, "holds an object of 'images', 'shapes'; COCO JSON is"),
        ("[" * 100_000, "cannot be read as JSON .maximum recursion"),
        ("1" * 5000, "cannot be read as JSON"),
        (b"\xff".decode("latin-1").join("{}"), "is broken JSON: line 1"),
        (changed("annotations", 0, category_id=7), r"annotations\[0\], has category_id 7, and"),
        (changed("annotations", 2, image_id=99), r"annotations\[2\], has image_id 99, and there"),
        (changed("annotations", 0, image_id=[]), "has a list as image_id; accepted is a number"),
        (changed("annotations", 0, bbox=[1, 2, 3]), "has a list as bbox; accepted are x, y, wid"),
        (changed("annotations", 0, bbox=[1, 2, "w", 4]), "has 'w' where a number is accepted"),
        (changed("annotations", 0, bbox=[1, 2, True, 4]), "has True where a number is accepted"),
        (changed("images", 1, id=0), r"images\[1\], has the id 0, and so has another image"),
        (changed("images", 1, file_name=None), "has None as file_name; accepted is a text"),
        (changed("categories", 1, name="a\nb"), r"has 'a\\nb' as the name of a class; accepted"),
        (changed("categories", 1, name="\ud800"), "as the name of a class; accepted"),
        (changed("categories", 1, id=2_000_007), "has the id 2000007 of 'dog' too"),
        ({**coco_of(NAMES), "annotations": [3]}, r"annotations\[0\], is 3; accepted is an obj"),
    ],
)
def test_what_is_wrong_is_told_with_the_id(tmp_path: Path, content: Any, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        read(tmp_path, content)


def test_numbers_beyond_all_floats_are_dropped_later(tmp_path: Path) -> None:
    content = json.dumps(changed("annotations", 0, bbox=[0, 0, 1, 2])).replace(
        "[0, 0, 1, 2]", f"[0, 0, 1{'0' * 400}, NaN]"
    )
    read(tmp_path, content)
    notes = read_boxes(tmp_path / "images", tmp_path / "a.json").notes
    assert any("no finite number, dropped: 1" in note for note in notes)


def test_a_picture_in_two_parts_is_refused(tmp_path: Path) -> None:
    root, annotations = coco_parts(tmp_path)
    path = annotations / "instances_val2017.json"
    content = json.loads(path.read_text())
    content["images"][0]["file_name"] = "train2017/a.png"
    text(path, json.dumps(content))
    with pytest.raises(
        MartletError, match=r"'train2017/a.png' is given twice, as train and as val"
    ):
        read_boxes(root, annotations)


def test_files_with_the_same_ids_do_not_meet(tmp_path: Path) -> None:
    """Each part numbers its images and categories from 1."""
    picture(tmp_path / "train" / "a.png")
    picture(tmp_path / "valid" / "a.png")
    for part, names in (("train", ("cat", "dog")), ("valid", ("dog", "cow"))):
        content = {
            "images": [{"id": 1, "file_name": "a.png"}],
            "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]}],
            "categories": [{"id": n, "name": name} for n, name in enumerate(names, 1)],
        }
        text(tmp_path / part / "_annotations.coco.json", json.dumps(content))
    found = read_boxes(tmp_path, tmp_path)
    assert found.classes == ("cat", "dog", "cow")
    assert found.pictures == ("train/a.png", "valid/a.png")
    assert found.parts == ("train", "val")
    assert [boxes.labels.tolist() for boxes in found.boxes] == [[0], [1]]
