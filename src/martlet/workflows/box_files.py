"""What `predict` writes of the boxes it found: a table, and COCO's form of results."""

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from martlet.data.boxes.coco_ids import CocoIds
from martlet.storage.csv_rows import as_text
from martlet.storage.files import write_text

TABLE, RESULTS = "boxes.csv", "boxes.json"


class FoundBox(NamedTuple):
    """Corners in pixels of the upright picture, right and bottom exclusive; score 0 to 1."""

    label: str
    score: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class PictureBoxes:
    """What was found in one picture, the surest first, or why nothing was.

    picture: the file with the boxes drawn; None where none was asked for.
    """

    path: str
    boxes: tuple[FoundBox, ...] = ()
    picture: Path | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        drawn = None if self.picture is None else str(self.picture)
        boxes = [box._asdict() for box in self.boxes]
        return {"path": self.path, "boxes": boxes, "picture": drawn, "error": self.error}


class Ids(NamedTuple):
    """What results call pictures, in the order given, and classes, in the network's order."""

    pictures: Sequence[Hashable]
    classes: Sequence[Hashable]


def ids_of(pictures: Sequence[str], classes: Sequence[str], coco: Path | None) -> Ids:
    """Those of a COCO JSON; positions from 0 without one.

    Raises MartletError for a file that is none, and what it does not name.
    """
    if coco is None:
        return Ids(range(len(pictures)), range(len(classes)))
    known = CocoIds(coco)
    names = known.of_classes(classes)
    return Ids([known.of_picture(path) for path in pictures], [names[name] for name in classes])


def write_tables(
    folder: Path, found: Sequence[PictureBoxes], classes: Sequence[str], ids: Ids
) -> None:
    """boxes.csv and boxes.json, the first with paths, the second with ids."""
    rows = [{"path": one.path, **box._asdict()} for one in found for box in one.boxes]
    head = {"path": "", **dict.fromkeys(FoundBox._fields, "")}
    write_text(folder / TABLE, as_text(rows) if rows else ",".join(head) + "\n")
    categories = dict(zip(classes, ids.classes, strict=True))
    results = [
        {
            "image_id": picture,
            "file_name": one.path,
            "category_id": categories[box.label],
            "category": box.label,
            "bbox": [box.left, box.top, box.right - box.left, box.bottom - box.top],
            "score": box.score,
        }
        for picture, one in zip(ids.pictures, found, strict=True)
        for box in one.boxes
    ]
    write_text(folder / RESULTS, json.dumps(results, indent=1))
