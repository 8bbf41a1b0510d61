"""One small set of pictures with boxes, written in every annotation format and layout."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 40, 20
CLASSES = ("cat", "dog")
# Left, top, right, bottom in pixels from 0, exclusive; fractions of them are exact.
TRUTH: dict[str, list[tuple[str, int, int, int, int]]] = {
    "a": [("cat", 5, 5, 15, 15), ("dog", 10, 0, 40, 20)],
    "b": [("dog", 0, 5, 5, 10)],
    "c": [],
    "d": [("cat", 20, 10, 30, 15), ("cat", 5, 5, 10, 10), ("dog", 25, 5, 35, 15)],
}
PARTS = {"a": "train", "b": "train", "c": "val", "d": "test"}
Given = tuple[Path, Path]  # pictures and annotations
Write = Callable[[Path], Given]


def picture(path: Path, size: tuple[int, int] = (WIDTH, HEIGHT), **options: Any) -> Path:
    """A file of noise, in the format that its suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(list(path.name.encode())).integers(0, 255, (size[1], size[0], 3))
    Image.fromarray(noise.astype(np.uint8)).save(path, **options)
    return path


def pictures(folder: Path, suffix: str = ".png") -> Path:
    for name in TRUTH:
        picture(folder / f"{name}{suffix}")
    return folder


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    return path


def voc_object(name: str, *corners: object) -> str:
    sides = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    inside = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
    return f"<object>\n<name>{name}</name><bndbox>{inside}</bndbox>\n</object>"


def voc_xml(filename: str, *objects: str, size: tuple[int, int] = (WIDTH, HEIGHT)) -> str:
    sides = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
    body = "\n".join(objects)
    return f"<annotation>\n<filename>{filename}</filename>\n{sides}\n{body}\n</annotation>\n"


def voc(root: Path) -> Given:
    """The whole tree, with lists of the parts."""
    pictures(root / "JPEGImages")
    for name, boxes in TRUTH.items():
        objects = [voc_object(c, x1 + 1, y1 + 1, x2, y2) for c, x1, y1, x2, y2 in boxes]
        text(root / "Annotations" / f"{name}.xml", voc_xml(f"{name}.png", *objects))
    for part in ("train", "val", "test"):
        names = [name for name in TRUTH if PARTS[name] == part]
        text(root / "ImageSets" / "Main" / f"{part}.txt", "".join(f"{n}\n" for n in names))
    names = [name for name in TRUTH if PARTS[name] != "test"]
    text(root / "ImageSets" / "Main" / "trainval.txt", "\n".join(names))
    return root, root


def coco_of(names: list[str], **changed: Any) -> dict[str, Any]:
    """COCO's object of these pictures; ids with gaps and in the millions."""
    ids = {"dog": 2_000_007, "cat": 3}
    boxes = [(n, name, box) for n, name in enumerate(names) for box in TRUTH[name]]
    made = {
        "info": {"year": 2020},
        "images": [
            {"id": 10 * n, "file_name": f"{name}.png", "width": WIDTH, "height": HEIGHT}
            for n, name in enumerate(names)
        ],
        "annotations": [
            {
                "id": number,
                "image_id": 10 * n,
                "category_id": ids[c],
                "iscrowd": 0,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
            }
            for number, (n, _, (c, x1, y1, x2, y2)) in enumerate(boxes)
        ],
        "categories": [{"id": number, "name": name} for name, number in ids.items()],
    }
    return {**made, **changed}


def coco(root: Path) -> Given:
    pictures(root / "images")
    return root / "images", text(root / "boxes.json", json.dumps(coco_of(list(TRUTH)), indent=1))


def coco_parts(root: Path) -> Given:
    """A file for each part, beside others of the same pictures."""
    for part in ("train", "val", "test"):
        names = [name for name in TRUTH if PARTS[name] == part]
        for name in names:
            picture(root / f"{part}2017" / f"{name}.png")
        content = json.dumps(coco_of(names))
        text(root / "annotations" / f"instances_{part}2017.json", content)
        text(root / "annotations" / f"person_keypoints_{part}2017.json", content)
    return root, root / "annotations"


def yolo_lines(name: str) -> str:
    lines = [
        f"{CLASSES.index(c)} {(x1 + x2) / 2 / WIDTH} {(y1 + y2) / 2 / HEIGHT} "
        f"{(x2 - x1) / WIDTH} {(y2 - y1) / HEIGHT}\n"
        for c, x1, y1, x2, y2 in TRUTH[name]
    ]
    return "".join(lines)


def yolo(root: Path) -> Given:
    """images/<part> and labels/<part>, with data.yaml."""
    for name, part in PARTS.items():
        picture(root / "images" / part / f"{name}.png")
        text(root / "labels" / part / f"{name}.txt", yolo_lines(name))
    entries = "".join(f"{part}: images/{part}\n" for part in ("train", "val", "test"))
    text(
        root / "data.yaml", f"path: ../datasets/mine\n{entries}nc: 2\nnames:\n  0: cat\n  1: dog\n"
    )
    return root, root


def yolo_by_part(root: Path) -> Given:
    """<part>/images and <part>/labels, as Roboflow writes them."""
    for name, part in PARTS.items():
        folder = root / ("valid" if part == "val" else part)
        picture(folder / "images" / f"{name}.png")
        text(folder / "labels" / f"{name}.txt", yolo_lines(name))
    text(root / "README.dataset.txt", "Cats and dogs\n")
    entries = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n"
    text(root / "data.yaml", f"{entries}\nnc: 2\nnames: ['cat', 'dog']\n")
    return root, root


def yolo_beside(root: Path) -> Given:
    """Texts beside the pictures, names in a text; no parts."""
    pictures(root)
    for name in TRUTH:
        text(root / f"{name}.txt", yolo_lines(name).replace("\n", "\r\n"))
    text(root / "classes.txt", "cat\ndog\n")
    return root, root


def table(root: Path) -> Given:
    pictures(root / "images")
    rows = [
        f"{name}.png,{c},{x1},{y1},{x2},{y2},{PARTS[name]}"
        for name, boxes in TRUTH.items()
        for c, x1, y1, x2, y2 in boxes or [("", "", "", "", "")]
    ]
    head = "filename,class,xmin,ymin,xmax,ymax,split"
    return root / "images", text(root / "boxes.csv", "\ufeff" + "\r\n".join([head, *rows, ""]))


def retinanet(root: Path) -> Given:
    pictures(root / "images")
    rows = [
        f"/home/somebody/images/{name}.png,{x1},{y1},{x2},{y2},{c}"
        for name, boxes in TRUTH.items()
        for c, x1, y1, x2, y2 in boxes or [("", "", "", "", "")]
    ]
    return root / "images", text(root / "annotations.csv", "\n".join(rows))


LAYOUTS: dict[str, Write] = {
    "voc": voc,
    "coco": coco,
    "coco_parts": coco_parts,
    "yolo": yolo,
    "yolo_by_part": yolo_by_part,
    "yolo_beside": yolo_beside,
    "table": table,
    "retinanet": retinanet,
}
