"""Which format annotations have, and which files they are: by their content and layout."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from martlet.data.boxes.class_files import TEXTS, YAML, has_names
from martlet.data.boxes.files import head_of
from martlet.data.boxes.index import files_below
from martlet.data.boxes.table import has_boxes
from martlet.errors import MartletError

ACCEPTED = (
    "Pascal VOC (a folder of .xml), COCO JSON, YOLO txt (with data.yaml or classes.txt) and CSV"
)
NO_LABELS = re.compile(  # names of text files that lie beside labels
    r"(?i)(classes|labels|names|(train|val|valid|test|trainval)\d*"
    r"|(readme|requirements|licen[cs]e|notes|changelog|_darknet|image_?sets?)\b.*)\.txt"
)
_HEAD_BYTES = 1 << 16
_COCO = re.compile(rb'"(images|annotations|categories|licenses|info)"\s*:')
_FORMATS = {".xml": "voc", ".json": "coco", ".csv": "csv", ".tsv": "csv"}
_FORMATS |= {".txt": "yolo", ".yaml": "yolo", ".yml": "yolo"}
_SAID = {"voc": "Pascal VOC", "coco": "COCO JSON", "yolo": "YOLO txt", "csv": "CSV"}


class Recognised(NamedTuple):
    """format: "voc", "coco", "yolo" or "csv". paths: the files of annotations, sorted.

    root: the folder that they were found below. left_out: others that look like annotations.
    """

    format: str
    paths: list[Path]
    root: Path
    left_out: list[Path]


def recognise(annotations: Sequence[Path]) -> Recognised:
    """What lies at these paths, files or folders, which are all of one format.

    Raises MartletError where there is nothing, no format is recognised, or there are several.
    """
    files: dict[Path, bool] = {}  # -> whether it was named itself
    for given in annotations:
        if given.is_dir():
            files |= {path: files.get(path, False) for path in files_below(given)}
        elif given.exists():
            files[given] = True
        else:
            raise MartletError(f"annotations={str(given)!r} does not exist; accepted: {ACCEPTED}.")
    found: dict[str, list[Path]] = {}
    for path, named in files.items():
        format = _FORMATS.get(path.suffix.lower())
        if format and (named or path.suffix.lower() == ".txt" or _may_be(path)):
            found.setdefault(format, []).append(path)
    if "csv" in found and len(found) > 1:
        found["csv"] = [path for path in found["csv"] if files[path] or has_boxes(path)]
        found = {format: paths for format, paths in found.items() if paths}
    if "yolo" in found and not _has_labels(found["yolo"], files):
        named = any(path.suffix.lower() in YAML or path.name in TEXTS for path in files)
        if len(found) > 1 or not named:  # names of classes alone are enough where all else is not
            del found["yolo"]
    told = ", ".join(repr(str(path)) for path in annotations[:3])
    if not found:
        raise MartletError(
            f"annotations={told} {_held(list(files))}, which is no annotation of boxes in a known "
            f"format; accepted: {ACCEPTED}."
        )
    if len(found) > 1:
        several = " and ".join(f"{_SAID[name]} ({len(paths)})" for name, paths in found.items())
        raise MartletError(
            f"annotations={told} holds files of {several}; name the folder or the files of one."
        )
    (format, paths) = found.popitem()
    folders = [given if given.is_dir() else given.parent for given in annotations]
    root = (
        folders[0] if len(folders) == 1 else Path(os.path.commonpath(map(os.path.abspath, folders)))
    )
    read = sorted(_main(paths) if format == "coco" else paths)
    alike = {path for path in files if path.suffix.lower() in (".xml", ".json", ".csv", ".tsv")}
    return Recognised(format, read, root, sorted(alike - set(read)))


def looks_like_label(path: Path) -> bool:
    """Whether the first line of a file is one of YOLO's: numbers, of which the first is whole."""
    line = head_of(path, 4096).lstrip(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0].split()
    if len(line) < 5 or not re.fullmatch(rb"\d{1,6}(\.0*)?", line[0]):
        return False
    try:
        return all(float(word) == float(word) for word in line[1:5])
    except ValueError:
        return False


def _has_labels(paths: Sequence[Path], files: dict[Path, bool]) -> bool:
    """Whether one of the texts is a label, by its first line, or was named itself."""
    if any(files[path] for path in paths):
        return True
    texts = [path for path in paths if path.suffix.lower() not in YAML]
    return any(looks_like_label(path) for path in texts if not NO_LABELS.fullmatch(path.name))


def _may_be(path: Path) -> bool:
    """Whether a file in a folder is an annotation: others may lie beside them."""
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _COCO.search(head_of(path, _HEAD_BYTES)) is not None
    if suffix in YAML:
        return has_names(path)
    return True


def _main(paths: Sequence[Path]) -> Sequence[Path]:
    """COCO's own folder has instances, captions and key points of the same pictures."""
    instances = [path for path in paths if path.name.lower().startswith("instances_")]
    return instances or paths


def _held(paths: Sequence[Path]) -> str:
    """How many files of each suffix, in words."""
    counts: dict[str, int] = {}
    for path in paths:
        suffix = path.suffix.lower()[:12] or "no suffix"
        counts[suffix] = counts.get(suffix, 0) + 1
    most = sorted(counts.items(), key=lambda item: -item[1])[:4]
    return f"holds {', '.join(f'{count} files of {name}' for name, count in most) or 'no file'}"
