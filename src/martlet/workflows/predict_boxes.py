"""How `predict` finds boxes in pictures: a list each, and on demand drawn pictures and tables."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from martlet.storage.files import write_bytes
from martlet.tasks.detection.task import answers_of
from martlet.workflows.box_files import FoundBox, PictureBoxes, ids_of, write_tables
from martlet.workflows.named_pictures import file_names, refuse_own

THRESHOLD = 0.3
BATCH = 16  # pictures that are in memory at a time
DRAWN = "boxes"


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
    coco_ids: Path | None = None,
) -> list[PictureBoxes]:
    """The boxes of each picture with a score of `threshold` or more, in the order given.

    output: a folder for the drawn pictures, boxes.csv, and boxes.json in COCO's form of results.
    per_class: thresholds of single classes, by name.
    coco_ids: the COCO JSON whose ids of images and categories boxes.json has; without it they are
        positions, from 0, of the pictures given and of the network's classes.

    Raises MartletError when there is no picture, for a threshold out of range or of a class that is
    not there, for pictures and classes that coco_ids does not name, and when a file cannot be
    written.
    """
    least = least_scores(network.classes, threshold, per_class or {})
    preprocess = network.preprocess
    assert isinstance(preprocess, BoxPreprocess)
    sources = find_sources(given)
    names = [name_of(source, f"picture {number}") for number, source in enumerate(sources, 1)]
    if coco_ids is not None and output is None:
        raise MartletError(
            f"coco_ids={str(coco_ids)!r} is for boxes.json, which needs output; give a folder."
        )
    ids = ids_of(names, network.classes, coco_ids)
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
        write_tables(output, found, network.classes, ids)
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
