"""How `predict` finds boxes in pictures: a list each, and on demand drawn pictures and tables."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from martlet.data.boxes.preprocess import BoxPreprocess
from martlet.data.cache import cores
from martlet.data.class_names import one_form
from martlet.data.pictures.sources import find_sources, image_of, name_of
from martlet.errors import MartletError, unknown
from martlet.inference import Network
from martlet.memory import eval_batch_size
from martlet.report.box_picture import DrawnBox, box_png
from martlet.report.class_colours import class_colours
from martlet.storage.csv_rows import as_text
from martlet.storage.files import write_bytes, write_text
from martlet.tasks.detection.task import answers_of
from martlet.workflows.named_pictures import file_names, refuse_own

THRESHOLD = 0.3
BATCH = 16  # pictures that are in memory at a time
TABLE, RESULTS, DRAWN = "boxes.csv", "boxes.json", "boxes"


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


class _Picture(NamedTuple):
    input: NDArray[np.float32]
    pixels: NDArray[np.uint8]  # (height, width, 3), upright


def predict_boxes(
    network: Network,
    given: Sequence[Any],
    *,
    output: Path | None,
    threshold: float | None,
    per_class: Mapping[str, Any] | None = None,
) -> list[PictureBoxes]:
    """The boxes of each picture with a score of `threshold` or more, in the order given.

    output: a folder for the drawn pictures, boxes.csv, and boxes.json in COCO's form of results,
        where image_id counts the pictures from 0.
    per_class: thresholds of single classes, by name.

    Raises MartletError when there is no picture, for a threshold out of range or of a class that is
    not there, and when a file cannot be written.
    """
    least = least_scores(network.classes, threshold, per_class or {})
    preprocess = network.preprocess
    assert isinstance(preprocess, BoxPreprocess)
    sources = find_sources(given)
    names = [name_of(source, f"picture {number}") for number, source in enumerate(sources, 1)]
    files: list[Path | None] = [None] * len(sources)
    if output is not None:
        files = [output / name for name in file_names(names, DRAWN)]
        refuse_own(sources, [file for file in files if file is not None])
    found: list[PictureBoxes] = []
    at_once = eval_batch_size(preprocess.shape, BATCH)
    with ThreadPoolExecutor(cores()) as pool:
        for first in range(0, len(sources), at_once):
            some = slice(first, first + at_once)
            read = list(pool.map(partial(_read, preprocess), sources[some]))
            found += _answer(network, names[some], read, files[some], least)
    if output is not None:
        _write_tables(output, found, network.classes)
    return found


def least_scores(
    classes: Sequence[str], threshold: float | None, per_class: Mapping[str, Any]
) -> dict[str, float]:
    """The threshold of each class; MartletError for one out of range, or of no class."""
    common = THRESHOLD if threshold is None else threshold
    found = dict.fromkeys(classes, common)
    per_class = dict(_by_class(name, score) for name, score in per_class.items())
    for name, score in per_class.items():
        if one_form(name) not in found:
            raise unknown("per_class: class", name, classes)
        found[one_form(name)] = score
    for option, score in {"threshold": common, **per_class}.items():
        if isinstance(score, bool) or not isinstance(score, (int, float)) or not 0 <= score <= 1:
            given = f"{option}={score}" if option == "threshold" else f"per_class {option}={score}"
            raise MartletError(f"{given} is not accepted; give 0 to 1.")
    return found


def _by_class(name: str, score: Any) -> tuple[str, Any]:
    """Of a class whose name has a sign of equality, which a command line took for the first one."""
    if isinstance(score, str) and "=" in score:
        name, _, score = f"{name}={score}".rpartition("=")
        try:
            return name, float(score)
        except ValueError:
            pass
    return name, score


def _read(preprocess: BoxPreprocess, source: Any) -> _Picture | str:
    """One of what `find_sources` lists, or the sentence why there is none."""
    try:
        image = image_of(source)
        values = preprocess.normalise(preprocess.crop(preprocess.resize(image)))
    except MartletError as error:
        return str(error)
    return _Picture(values, np.asarray(image.convert("RGB")))


def _answer(
    network: Network,
    names: Sequence[str],
    read: Sequence[_Picture | str],
    files: Sequence[Path | None],
    least: Mapping[str, float],
) -> list[PictureBoxes]:
    pictures = [one for one in read if not isinstance(one, str)]
    rows = iter(network.logits(np.stack([one.input for one in pictures])) if pictures else ())
    size = network.preprocess.shape[-1]
    found = []
    for name, one, file in zip(names, read, files, strict=True):
        if isinstance(one, str):
            found.append(PictureBoxes(name, error=one))
            continue
        height, width = one.pixels.shape[:2]
        answers = answers_of(next(rows), np.array((width / size, height / size), np.float32))
        boxes = tuple(
            FoundBox(network.classes[kind], float(score), *(float(value) for value in corners))
            for corners, score, kind in zip(
                answers.corners, answers.scores, answers.classes.tolist(), strict=True
            )
            if score >= least[network.classes[kind]]
        )
        if file is not None:
            write_bytes(
                file, box_png(one.pixels, _drawn(boxes, network.classes), _told(name, boxes))
            )
        found.append(PictureBoxes(name, boxes, file))
    return found


def _drawn(boxes: Sequence[FoundBox], classes: Sequence[str]) -> list[DrawnBox]:
    """Least sure first, so that the surest lie on top."""
    colours = dict(zip(classes, class_colours(len(classes)), strict=True))
    return [
        DrawnBox(box[2:], f"{box.label} {box.score:.2f}", colours[box.label])
        for box in reversed(boxes)
    ]


def _told(name: str, boxes: Sequence[FoundBox]) -> str:
    what = ", ".join(f"{box.label} ({box.score:.2f})" for box in boxes) or "nothing"
    return f"Boxes found in {Path(name).name}: {what}."


def _write_tables(folder: Path, found: Sequence[PictureBoxes], classes: Sequence[str]) -> None:
    rows = [
        {"path": one.path, **box._asdict()} for one in found if one.error is None
        for box in one.boxes
    ]  # fmt: skip
    head = {"path": "", **dict.fromkeys(FoundBox._fields, "")}
    text = as_text(rows) if rows else ",".join(head) + "\n"
    write_text(folder / TABLE, text)
    numbers = {name: number for number, name in enumerate(classes)}
    results = [
        {
            "image_id": number,
            "file_name": one.path,
            "category_id": numbers[box.label],
            "category": box.label,
            "bbox": [box.left, box.top, box.right - box.left, box.bottom - box.top],
            "score": box.score,
        }
        for number, one in enumerate(found)
        for box in one.boxes
    ]
    write_text(folder / RESULTS, json.dumps(results, indent=1))
