"""Names of classes from files: data.yaml, classes.txt, obj.names, and lists of name and number."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from martlet.data.boxes.files import MEBIBYTE, head_of, read_text
from martlet.data.boxes.found import class_name, shown
from martlet.errors import MartletError, quoted, shortened

MOST_BYTES = 4 * MEBIBYTE
YAML = (".yaml", ".yml")
TEXTS = ("classes.txt", "obj.names")
_PARTS = {"train": "train", "val": "val", "valid": "val", "test": "test"}
_NOTHING = ("", "~", "null", "None")  # of a key without a value, when all values are texts
_LAYERS = {  # folders inside of that which holds the set
    *("labels", "images", "train", "val", "valid", "test", "annotations", "obj", "obj_train_data"),
}


@dataclass(frozen=True)
class ClassFile:
    """names: number -> name. parts: part -> the folders and lists of pictures that are named.

    base: the folder that data.yaml calls `path`, "" where it has none.
    """

    path: Path
    names: dict[int, str]
    parts: dict[str, list[str]] = field(default_factory=dict)
    base: str = ""


def read_class_file(path: Path) -> ClassFile:
    """By the suffix: YAML, CSV of name and number, or a name a line, counted from 0.

    Raises MartletError for a file without names, or with what is none.
    """
    if path.suffix.lower() in YAML:
        return _read_yaml(path)
    lines = read_text(path, MOST_BYTES).split("\n")
    where = f"{str(path)!r}, line"
    if path.suffix.lower() == ".csv":
        names = _numbered(path, lines)
    else:
        texts = [(number, text) for number, text in enumerate(lines) if text.strip()]
        names = {number: class_name(text, f"{where} {number + 1},") for number, text in texts}
    if not names:
        raise MartletError(f"{str(path)!r} names no class; give one a line.")
    return ClassFile(path, names, _lists_beside(path))


def find_class_file(starts: Sequence[Path]) -> ClassFile | None:
    """That of a set whose labels and pictures lie in these folders, or in one above them that
    holds the set; None where there is none.

    Raises MartletError where there are several data.yaml.
    """
    folders: dict[Path, None] = {}
    for start in starts:
        folders[start] = None
        while start.name.casefold() in _LAYERS and start.parent != start:
            start = start.parent
            folders[start] = None
    for folder in folders:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in YAML)
        found = [path for path in files if has_names(path)]
        if len(found) > 1:
            raise MartletError(
                f"{str(folder)!r} holds {len(found)} files with names of classes, such as "
                f"{found[0].name!r} and {found[1].name!r}; name one by classes, or as annotations."
            )
        found += [folder / name for name in TEXTS if (folder / name).is_file()]
        if found:
            return read_class_file(found[0])
    return None


def has_names(path: Path) -> bool:
    """Whether a YAML file is about classes: by its own name, or by a key "names" in it."""
    if path.stem.casefold() == "data":
        return True
    return re.search(rb"(?m)^[\"']?names[\"']?\s*:", head_of(path, MOST_BYTES)) is not None


def _read_yaml(path: Path) -> ClassFile:
    text = read_text(path, MOST_BYTES)
    try:
        # Every scalar stays a text: a class may be called "no", or "1e3".
        content = yaml.load(text, yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f"line {mark.line + 1}: " if mark else ""
        why = shortened(str(error.problem or "not to be read"), 80)
        raise MartletError(f"{str(path)!r} is broken YAML: {line}{why}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = shortened(str(error), 80)
        raise MartletError(f"{str(path)!r} cannot be read as YAML ({why}).") from error
    if not isinstance(content, dict) or "names" not in content:
        raise MartletError(f"{str(path)!r} has no 'names'; give the names of the classes there.")
    parts: dict[str, list[str]] = {}
    for key, part in _PARTS.items():
        parts.setdefault(part, []).extend(_entries(path, key, content.get(key)))
    base = content.get("path")
    return ClassFile(
        path,
        _names(path, content["names"]),
        {part: entries for part, entries in parts.items() if entries},
        base if isinstance(base, str) and base not in _NOTHING else "",
    )


def _names(path: Path, names: Any) -> dict[int, str]:
    where = f"{str(path)!r}, names,"
    if isinstance(names, list) and names:
        return {number: class_name(name, where) for number, name in enumerate(names)}
    if not isinstance(names, dict) or not names:
        raise MartletError(f"{where} is {shown(names)}; accepted is a list, or name by number.")
    return {_whole(key, where): class_name(name, where) for key, name in names.items()}


def _whole(key: Any, where: str) -> int:
    if isinstance(key, str) and key.strip().isdecimal() and len(key) < 10:
        return int(key)
    raise MartletError(f"{where} has {shown(key)} as the number of a class; accepted: 0, 1, 2 …")


def _entries(path: Path, key: str, value: Any) -> list[str]:
    """The folders and lists of one part: a text, or several."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    for one in values:
        if not isinstance(one, str):
            raise MartletError(
                f"{str(path)!r} has {shown(one)} as {key}; accepted is a folder of pictures or a "
                "list of them (.txt), or several."
            )
    return [one for one in values if one not in _NOTHING]


def _numbered(path: Path, lines: Sequence[str]) -> dict[int, str]:
    """Of a CSV with a name and its number a line."""
    names: dict[int, str] = {}
    try:
        rows = list(csv.reader(lines))
    except csv.Error as error:
        why = shortened(str(error), 80)
        raise MartletError(f"{str(path)!r} cannot be read as CSV ({why}).") from error
    for row in filter(None, rows):
        where = f"{str(path)!r}, row {quoted(','.join(row), 40)},"
        number = _whole(row[1] if len(row) > 1 else "", where)
        names[number] = class_name(row[0], where)
    return names


def _lists_beside(path: Path) -> dict[str, list[str]]:
    """Darknet's lists of pictures lie beside its names: train.txt, valid.txt, test.txt."""
    parts: dict[str, list[str]] = {}
    for name, part in _PARTS.items():
        if (path.parent / f"{name}.txt").is_file():
            parts.setdefault(part, []).append(f"{name}.txt")
    return parts
