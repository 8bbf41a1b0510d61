"""COCO JSON: one file with images, annotations and categories, or one for each part."""

import json
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from martlet.data.boxes.files import MEBIBYTE, read_content
from martlet.data.boxes.found import Found, Size, below, class_name, number_of, shown
from martlet.data.boxes.index import Index
from martlet.data.boxes.listing import counted
from martlet.data.boxes.parts import parts_of_files
from martlet.errors import MartletError, quoted, shortened

MOST_BYTES = 4096 * MEBIBYTE
TABLES = ("images", "annotations", "categories")


def read_coco(paths: Sequence[Path], root: Path, index: Index) -> Found:
    """The boxes of all files; classes in the order of their ids, those of one name as one.

    Images are found by their file_name; those that no file names are left out. Of several files
    each has its part in its name, or none has.

    Raises MartletError for broken files, unknown ids, and a picture in two parts.
    """
    found, odd = Found("COCO JSON"), _Odd()
    classes: dict[str, None] = {}
    for path, part in zip(paths, parts_of_files(paths, root), strict=True):
        tables = read_tables(path)
        names = _categories(path, tables["categories"], odd)
        classes |= dict.fromkeys(names.values())
        numbers = _images(path, tables["images"], part, index, found, odd)
        for number, entry in enumerate(tables["annotations"]):
            _annotation(path, number, entry, names, numbers, found, odd)
    found.classes = tuple(classes)
    if len(paths) > 1:
        found.notes.append(f"Read from {len(paths)} files: {_few(paths, root)}.")
    found.notes += odd.notes()
    return found


class _Odd:
    """Names of what was met and is told of."""

    def __init__(self) -> None:
        self.merged: list[str] = []
        self.missing: dict[str, int] = {}  # image that is not there -> its boxes
        self.without_box: list[str] = []
        self.crowds = 0

    def notes(self) -> list[str]:
        annotated = [name for name, boxes in self.missing.items() if boxes]
        plain = [name for name, boxes in self.missing.items() if not boxes]
        lost = sum(self.missing.values())
        return [
            *counted("Categories of a name that another has too, merged", self.merged),
            *counted(f"Images that are not there, left out with {lost} boxes", annotated),
            *counted("Images without a box that are not there, left out", plain),
            *counted("Annotations without a box, dropped", self.without_box),
            *([f"Crowds, kept and marked: {self.crowds}."] if self.crowds else []),
        ]


def read_tables(path: Path) -> dict[str, list[Any]]:
    """The three lists. Raises MartletError, with the line, for what is no COCO JSON."""
    try:
        content = json.loads(read_content(path, MOST_BYTES).decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise MartletError(
            f"{str(path)!r} is broken JSON: line {error.lineno}: {shortened(error.msg, 80)}; "
            "repair it or write it anew."
        ) from error
    except MartletError:
        raise
    except (ValueError, RecursionError) as error:  # UTF-16, a number of 5,000 digits, deep lists
        raise MartletError(
            f"{str(path)!r} cannot be read as JSON ({shortened(str(error), 80)})."
        ) from error
    if not isinstance(content, dict) or any(
        not isinstance(content.get(name), list) for name in TABLES
    ):
        has = f"an object of {_keys(content)}" if isinstance(content, dict) else shown(content)
        raise MartletError(
            f"{str(path)!r} holds {has}; COCO JSON is an object with the lists images, annotations "
            "and categories."
        )
    return {name: content[name] for name in TABLES}


def _categories(path: Path, table: Sequence[Any], odd: _Odd) -> dict[Hashable, str]:
    """id -> name, in the order of the ids."""
    names: dict[Hashable, str] = {}
    for number, entry in enumerate(table):
        where = f"{str(path)!r}, categories[{number}],"
        key = id_of(entry, "id", where)
        name = class_name(entry.get("name"), where)
        if names.setdefault(key, name) != name:
            raise MartletError(f"{where} has the id {shown(key)} of {quoted(names[key], 60)} too.")
    seen: set[str] = set()
    for name in names.values():
        odd.merged += [name] if name in seen else []
        seen.add(name)
    numeric = all(isinstance(key, (int, float)) for key in names)
    return dict(sorted(names.items(), key=lambda item: item[0])) if numeric else names  # type: ignore[arg-type, return-value]


def _images(
    path: Path, table: Sequence[Any], part: str | None, index: Index, found: Found, odd: _Odd
) -> dict[Hashable, int | str]:
    """id -> number of the picture, or the name of one that is not there."""
    numbers: dict[Hashable, int | str] = {}
    for number, entry in enumerate(table):
        where = f"{str(path)!r}, images[{number}],"
        key = id_of(entry, "id", where)
        name = name_of_image(entry, where)
        picture = index.find(name, path, part)
        if picture is None:
            odd.missing.setdefault(name, 0)
        here = name if picture is None else found.picture(picture, part, _size(entry))
        if numbers.setdefault(key, here) != here:
            raise MartletError(f"{where} has the id {shown(key)}, and so has another image.")
    return numbers


def _annotation(
    path: Path,
    number: int,
    entry: Any,
    names: Mapping[Hashable, str],
    numbers: Mapping[Hashable, int | str],
    found: Found,
    odd: _Odd,
) -> None:
    where = f"{str(path)!r}, annotations[{number}],"
    image, category = id_of(entry, "image_id", where), id_of(entry, "category_id", where)
    for key, known, what in ((image, numbers, "image"), (category, names, "category")):
        if key not in known:
            raise MartletError(
                f"{where} has {what}_id {shown(key)}, and there is no {what} of this id; add it, "
                "or take the annotation out."
            )
    box = entry.get("bbox")
    if box is None or box == []:
        odd.without_box.append(f"annotations[{number}] of {path.name}")
        return
    if not isinstance(box, list) or len(box) != 4:
        raise MartletError(f"{where} has {shown(box)} as bbox; accepted are x, y, width, height.")
    left, top, width, height = (number_of(value, where) for value in box)
    picture = numbers[image]
    if isinstance(picture, str):
        odd.missing[picture] += 1
        return
    crowd = entry.get("iscrowd") in (1, True)
    odd.crowds += crowd
    corners = (left, top, left + width, top + height)
    found.box(picture, names[category], corners, repr(str(path)), crowd)


def id_of(entry: Any, name: str, where: str) -> Hashable:
    """The id in an entry. Raises MartletError for an entry without one."""
    if not isinstance(entry, dict):
        raise MartletError(f"{where} is {shown(entry)}; accepted is an object with an {name}.")
    key = entry.get(name)
    if isinstance(key, bool) or not isinstance(key, (int, float, str)):
        raise MartletError(f"{where} has {shown(key)} as {name}; accepted is a number or a text.")
    return key


def name_of_image(entry: Mapping[str, Any], where: str) -> str:
    """The file_name in an image's entry. Raises MartletError for an entry without one."""
    name = entry.get("file_name")
    if not isinstance(name, str) or not name:
        raise MartletError(f"{where} has {shown(name)} as file_name; accepted is a text.")
    return name


def _size(entry: Mapping[str, Any]) -> Size | None:
    """(width, height) that an image's entry gives, if they are whole numbers."""
    width, height = entry.get("width"), entry.get("height")
    if not isinstance(width, int) or not isinstance(height, int):
        return None
    return (width, height) if 0 < width < 2**31 and 0 < height < 2**31 else None


def _keys(content: Mapping[str, Any]) -> str:
    return ", ".join(quoted(key, 20) for key in list(content)[:6]) or "no keys"


def _few(paths: Sequence[Path], root: Path) -> str:
    names = [quoted(below(path, root), 80) for path in paths]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if names[4:] else "")
