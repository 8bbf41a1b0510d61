"""The same boxes from every format and layout, and what real files hold."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.boxed import (
    CLASSES,
    HEIGHT,
    LAYOUTS,
    PARTS,
    TRUTH,
    WIDTH,
    coco,
    coco_of,
    picture,
    table,
    text,
    voc,
    voc_object,
    voc_xml,
    yolo,
    yolo_beside,
)

from martlet.data.boxes.read import Boxes, BoxListing, read_boxes
from martlet.errors import MartletError

BCCD = Path(__file__).parents[4] / "shared" / "data" / "bccd" / "BCCD"
real = pytest.mark.skipif(not BCCD.exists(), reason="no real data here")
NO_PARTS = ("coco", "yolo_beside", "retinanet")


def stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def boxes_of(listing: BoxListing, name: str) -> Boxes:
    return next(
        boxes
        for path, boxes in zip(listing.pictures, listing.boxes, strict=True)
        if stem(path) == name
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same(tmp_path: Path, layout: str) -> None:
    pictures, annotations = LAYOUTS[layout](tmp_path)
    found = read_boxes(pictures, annotations)
    assert found.root == pictures
    assert found.classes == CLASSES
    assert list(found.pictures) == sorted(found.pictures)
    assert sorted(map(stem, found.pictures)) == list(TRUTH)
    assert all((pictures / path).is_file() for path in found.pictures)
    assert set(found.sizes) == {(WIDTH, HEIGHT)}
    parts = dict(zip(map(stem, found.pictures), found.parts, strict=True))
    assert parts == (dict.fromkeys(TRUTH) if layout in NO_PARTS else PARTS)
    for name, truth in TRUTH.items():
        boxes = boxes_of(found, name)
        assert (boxes.corners.dtype, boxes.labels.dtype) == (np.float32, np.int64)
        assert boxes.corners.shape == (len(truth), 4)
        np.testing.assert_allclose(
            boxes.corners, np.reshape([b[1:] for b in truth], (-1, 4)), atol=1e-5
        )
        assert [found.classes[label] for label in boxes.labels] == [box[0] for box in truth]
        assert boxes.crowd.tolist() == [False] * len(truth)
    assert "Pictures without boxes, kept: 1, such as" in found.notes[-1]
    expected = {"voc": "Pascal VOC", "coc": "COCO JSON", "yol": "YOLO txt"}
    assert found.format == expected.get(layout[:3], "CSV")


def test_no_pixel_is_decoded_and_no_torch_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("pixels were decoded")

    pictures, annotations = voc(tmp_path)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", refuse)
    assert len(read_boxes(pictures, annotations).pictures) == 4
    asked = "import sys, martlet.data.boxes.kind; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_what_is_odd_is_counted_and_named(tmp_path: Path) -> None:
    objects = [
        voc_object("cat", 11, 6, 5, 2),  # swapped
        voc_object("cat", 3, 3, 3, 9),  # no area
        voc_object("cat", 50, 3, 60, 9),  # outside
        voc_object("dog", 30, 10, 60, 30),  # partly
        *[voc_object("dog", 1, 1, 5, 5)] * 2,
        voc_object("cat", 1, 1, 5, 5),  # another class: no double
        voc_object("cat", "nan", 1, 5, "inf"),
    ]
    picture(tmp_path / "a.png")
    text(tmp_path / "a.xml", voc_xml("a.png", *objects, size=(41, 20)))
    found = read_boxes(tmp_path, tmp_path)
    assert found.boxes[0].corners.tolist() == [
        *([4, 1, 11, 6], [29, 9, 40, 20], [0, 0, 5, 5], [0, 0, 5, 5]),
    ]
    assert found.boxes[0].labels.tolist() == [0, 1, 1, 0]
    assert list(found.notes) == [
        "Annotations with another size than their picture's, which counts: 1, such as "
        "'a.png: (41, 20) for (40, 20)'.",
        "Boxes with a corner that is no finite number, dropped: 1, such as in 'a.png'.",
        "Boxes with swapped corners, put right: 1, such as in 'a.png'.",
        "Boxes without area, dropped: 1, such as in 'a.png'.",
        "Boxes wholly outside of their picture, dropped: 1, such as in 'a.png'.",
        "Boxes partly outside of their picture, clipped: 1, such as in 'a.png'.",
        "Exact doubles of a box and its class, dropped: 1, such as in 'a.png'.",
    ]


def test_turned_photos(tmp_path: Path) -> None:
    """The upright picture is 20 wide and 40 high; a viewer shows it so."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    picture(tmp_path / "a.jpg", exif=exif)
    upright = text(tmp_path / "up.csv", "path,xmin,ymin,xmax,ymax,class\na.jpg,2,30,12,35,cat\n")
    found = read_boxes(tmp_path, upright)
    assert found.sizes == ((20, 40),)
    assert found.boxes[0].corners.tolist() == [[2, 30, 12, 35]]
    assert "are of the upright pictures: 1, such as 'a.jpg'" in found.notes[1]
    # the same place in the stored picture, 40 wide and 20 high
    stored = text(
        tmp_path / "stored.csv",
        "path,width,height,xmin,ymin,xmax,ymax,class\na.jpg,40,20,30,8,35,18,cat\n",
    )
    found = read_boxes(tmp_path, stored, boxes_for="stored")
    assert found.boxes[0].corners.tolist() == [[2, 30, 12, 35]]
    assert not any("size" in note for note in found.notes)
    more = "a.jpg,40,20,2,3,12,15,cat\n"  # inside of both
    text(stored, stored.read_text() + more)
    found = read_boxes(tmp_path, stored)
    assert found.boxes[0].corners.tolist() == [[2, 3, 12, 15]]
    assert found.notes[2] == (
        "Pictures whose annotation has the size before EXIF turns them: 1, such as 'a.jpg'; if "
        'their boxes are of the stored pictures too, use boxes_for="stored".'
    )


def test_pictures_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    pictures, annotations = voc(tmp_path)
    (pictures / "JPEGImages" / "b.png").write_bytes(b"")
    found = read_boxes(pictures, annotations)
    assert [stem(path) for path in found.pictures] == ["a", "c", "d"]
    assert len(found.boxes[2].labels) == 3
    assert [bad.path for bad in found.bad] == ["JPEGImages/b.png"]
    assert (
        "Pictures that cannot be read, left out: 1, such as 'JPEGImages/b.png is empty (0 bytes)'."
        in found.notes
    )
    for path in (pictures / "JPEGImages").iterdir():
        path.write_bytes(b"<html>")
    with pytest.raises(MartletError, match="none of the 4 annotated pictures can be read"):
        read_boxes(pictures, annotations)


def test_pictures_without_annotation_and_annotations_without_picture(tmp_path: Path) -> None:
    pictures, annotations = coco(tmp_path)
    picture(pictures / "more.png")
    (pictures / "b.png").unlink()
    (pictures / "c.png").unlink()
    notes = read_boxes(pictures, annotations).notes
    assert "Images that are not there, left out with 1 boxes: 1, such as 'b.png'." in notes
    assert "Images without a box that are not there, left out: 1, such as 'c.png'." in notes
    assert "Pictures without an annotation, left out: 1, such as 'more.png'." in notes


def test_classes_in_the_order_of_a_file(tmp_path: Path) -> None:
    pictures, annotations = table(tmp_path)
    names = text(tmp_path / "names.txt", "dog\ncow\ncat\n")
    found = read_boxes(pictures, annotations, classes=names)
    assert found.classes == ("dog", "cow", "cat")
    assert boxes_of(found, "a").labels.tolist() == [2, 0]
    assert "Classes without a box: 'cow'." in found.notes
    text(names, "dog\ncow\n")
    with pytest.raises(MartletError, match=r"class 'cat' in '.*boxes.csv' is not among the 2 of"):
        read_boxes(pictures, annotations, classes=names)


def test_what_does_not_fit_is_a_sentence(tmp_path: Path) -> None:
    pictures, annotations = coco(tmp_path / "set")
    other = picture(tmp_path / "other" / "z.png").parent
    with pytest.raises(
        MartletError, match=r"COCO JSON, 1 files\) name none of the 1 pictures .* 'z.png': "
    ):
        read_boxes(other, annotations)
    with pytest.raises(MartletError, match="does not exist; accepted: Pascal VOC"):
        read_boxes(pictures, tmp_path / "gone")
    with pytest.raises(MartletError, match="does not exist; give the folder of the pictures"):
        read_boxes(tmp_path / "gone", annotations)
    with pytest.raises(MartletError, match="names no file and no folder"):
        read_boxes(pictures, [])
    with pytest.raises(MartletError, match="boxes_for 'sideways' is not known"):
        read_boxes(pictures, annotations, boxes_for="sideways")  # type: ignore[arg-type]
    text(annotations, json.dumps(coco_of(list(TRUTH), annotations=[])))
    with pytest.raises(MartletError, match="no box: COCO JSON in 1 files, 4 pictures; there is"):
        read_boxes(pictures, annotations)


def test_all_boxes_dropped_is_told_with_the_reason(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    text(tmp_path / "a.csv", "a.png,5,5,5,9,cat\n")
    with pytest.raises(
        MartletError, match=r"no box of 1 is left: CSV .* Boxes without area, dropped: 1"
    ):
        read_boxes(tmp_path, tmp_path)


def test_several_files_of_one_format(tmp_path: Path) -> None:
    pictures, _ = yolo_beside(tmp_path / "yolo")
    texts = sorted(pictures.glob("[abd].txt"))
    found = read_boxes(pictures, texts)
    assert (found.classes, len(found.pictures)) == (CLASSES, 4)


@real
def test_blood_cells() -> None:
    found = read_boxes(BCCD, BCCD)
    assert found.classes == ("Platelets", "RBC", "WBC")
    assert Counter(found.parts) == {"train": 205, "val": 87, "test": 72}
    assert set(found.sizes) == {(640, 480)}
    assert found.format == "Pascal VOC"
    assert list(found.notes) == [
        "Boxes without area, dropped: 2, such as in 'JPEGImages/BloodImage_00338.jpg'."
    ]
    labels = np.concatenate([boxes.labels for boxes in found.boxes])
    assert np.bincount(labels).tolist() == [361, 4153, 372]
    corners = np.concatenate([boxes.corners for boxes in found.boxes])
    assert corners.min() == 0
    assert (corners.max(axis=0) == [corners[:, 0].max(), corners[:, 1].max(), 640, 480]).all()


@real
def test_blood_cells_as_others_read_them() -> None:
    """torchvision's own parser of VOC, and the table that the authors made of it."""
    from xml.etree import ElementTree

    from torchvision.datasets import VOCDetection

    found = read_boxes(BCCD, BCCD)
    authors = read_boxes(BCCD, BCCD.parent / "test.csv")
    assert authors.pictures == found.pictures
    for path, boxes, other in zip(found.pictures, found.boxes, authors.boxes, strict=True):
        tree = ElementTree.parse(BCCD / "Annotations" / f"{stem(path)}.xml").getroot()
        objects = VOCDetection.parse_voc_xml(tree)["annotation"]["object"]
        theirs = [
            [*(int(o["bndbox"][side]) for side in ("xmin", "ymin", "xmax", "ymax")), o["name"]]
            for o in objects
        ]
        theirs = [box for box in theirs if box[0] < box[2] and box[1] < box[3]]
        ours = [
            [x1 + 1, y1 + 1, x2, y2, found.classes[label]]
            for (x1, y1, x2, y2), label in zip(boxes.corners, boxes.labels, strict=True)
        ]
        assert ours == theirs
        assert (other.corners == boxes.corners + np.float32([1, 1, 0, 0])).all()
        assert (other.labels == boxes.labels).all()


def test_a_data_yaml_stands_for_its_folder(tmp_path: Path) -> None:
    pictures, annotations = yolo(tmp_path)
    found = read_boxes(pictures, annotations / "data.yaml")
    assert found.format == "YOLO txt"
    assert found.classes == CLASSES
    for name, boxes in zip(found.pictures, found.boxes, strict=True):
        assert len(boxes.labels) == len(TRUTH[Path(name).stem])
