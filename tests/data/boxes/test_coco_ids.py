"""Ids of pictures and classes in a COCO JSON, found by path and name."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.boxed import coco_of, text

from martlet.data.boxes.coco_ids import CocoIds
from martlet.errors import MartletError


def read(root: Path, images: list[Any], categories: list[Any] | None = None) -> CocoIds:
    content = coco_of(["a"]) | {"images": images, "annotations": []}
    if categories is not None:
        content["categories"] = categories
    return CocoIds(text(root / "a.json", json.dumps(content)))


def test_classes_by_name(tmp_path: Path) -> None:
    ids = read(tmp_path, [])
    assert dict(ids.of_classes(["dog", "cat"])) == {"dog": 2000007, "cat": 3}
    twice = [{"id": 9, "name": " dog "}, {"id": "two", "name": "dog"}]
    assert dict(read(tmp_path, [], twice).of_classes(["dog"])) == {"dog": 9}
    with pytest.raises(MartletError, match=r"a\.json': category 'bird' is not known; acc"):
        ids.of_classes(["cat", "bird"])


def test_pictures_by_the_end_of_their_path(tmp_path: Path) -> None:
    images = [
        {"id": 7, "file_name": "val/1.jpg"}, {"id": "x", "file_name": "train\\1.jpg"},
        {"id": 9, "file_name": "cafe\u0301.png"}, {"id": 10, "file_name": "2.jpg"},
        {"id": 10, "file_name": "./2.jpg"},
    ]  # fmt: skip
    ids = read(tmp_path, images)
    assert ids.of_picture("/somewhere/train/1.jpg") == "x"
    assert ids.of_picture("val/1.jpg") == 7
    assert ids.of_picture("other/caf\u00e9.png") == 9
    assert ids.of_picture("2.jpg") == 10
    with pytest.raises(MartletError, match=r"several images as '1\.jpg' is called, .* ids 7 and '"):
        ids.of_picture("1.jpg")
    with pytest.raises(MartletError, match=r"has no image of the file_name '3\.jpg'; give the"):
        ids.of_picture("val/3.jpg")


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        ([3], r"images\[0\], is 3; accepted is an object"),
        ([{"id": 1}], r"images\[0\], has None as file_name"),
        ([{"file_name": "a.png"}], r"images\[0\], has None as id"),
    ],
)
def test_what_is_no_image(images: list[Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=sentence):
        read(tmp_path, images)
