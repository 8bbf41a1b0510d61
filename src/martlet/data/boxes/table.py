"""CSV: a row for each box, with the names of its columns in the first row, or RetinaNet's six."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from martlet.data.boxes.found import Found, Size, class_name, number_of, shown
from martlet.data.boxes.index import Index
from martlet.data.boxes.listing import counted
from martlet.data.boxes.parts import parts_of_files
from martlet.data.class_names import one_form
from martlet.data.pictures.list_file import USUAL, listed, read_rows
from martlet.data.pictures.listed import SPELLINGS
from martlet.errors import MartletError, quoted

CORNERS = (
    ("xmin", "x_min", "x1", "x_1", "left", "bbox_xmin", "bbox_x1"),
    ("ymin", "y_min", "y1", "y_1", "top", "bbox_ymin", "bbox_y1"),
    ("xmax", "x_max", "x2", "x_2", "right", "bbox_xmax", "bbox_x2"),
    ("ymax", "y_max", "y2", "y_2", "bottom", "bbox_ymax", "bbox_y2"),
)
PLACE_AND_SIZE = (
    ("x", "bbox_x", "box_x"),
    ("y", "bbox_y", "box_y"),
    ("width", "w", "bbox_width", "bbox_w", "box_width", "box_w"),
    ("height", "h", "bbox_height", "bbox_h", "box_height", "box_h"),
)
# Of several such columns the first one here counts, and the notes say which that is.
PATHS = (*USUAL["path"], "image_name", "imagename", "image_id", "imageid", "picture_path")
CLASSES = (
    *(*USUAL["label"], "class_name", "classname", "label_name", "labelname", "name"),
    *("category_name", "cell_type"),  # the latter of BCCD's own table
)
PARTS = tuple(name for name in USUAL["part"] if name != "fold")
HEADERLESS = 6  # path, x1, y1, x2, y2, class


class _Columns(NamedTuple):
    """Number of each column; sizes: of the pictures' width and height, where they are given.

    corners: four, of x, y, width and height where `has_size`.
    """

    path: int
    corners: tuple[int, ...]
    has_size: bool
    label: int
    part: int | None = None
    sizes: tuple[int, ...] = ()


def read_csv(paths: Sequence[Path], root: Path, index: Index) -> Found:
    """The boxes of all files: pixels counted from 0, right and bottom exclusive.

    They are fractions where all of the set lie between 0 and 1, and not all are whole. A row with
    a path alone is a picture without boxes. Parts are those of a column, or of the files' names.

    Raises MartletError, with file and line, for columns that are not understood and cells that
    are no numbers.
    """
    found = Found("CSV")
    missing: dict[str, int] = {}
    without_path: list[str] = []
    for path, part in zip(paths, parts_of_files(paths, root), strict=True):
        rows = read_rows(path)
        columns = _columns(path, rows[0][1])
        named = columns is not None
        columns = columns or _Columns(0, (1, 2, 3, 4), False, 5)
        used = {columns.path, *columns.corners, columns.label}
        if named:
            found.notes.append(_said(path, rows[0][1], columns))
        width = 1 + max(used | {columns.part or 0, *columns.sizes})
        for line, cells in rows[1:] if named else rows:
            where = f"{str(path)!r}, line {line},"
            cells += [""] * (width - len(cells))
            text = cells[columns.path]
            if not text:
                without_path.append(f"line {line} of {path.name}")
                continue
            own = part if columns.part is None else _part(cells[columns.part], where)
            picture = index.find(text, path, own)
            corners = _corners([cells[n] for n in columns.corners], columns.has_size, where)
            if picture is None:
                missing[text] = missing.get(text, 0) + (corners is not None)
                continue
            number = found.picture(picture, own, _size([cells[n] for n in columns.sizes]))
            if corners is not None:
                found.box(number, class_name(cells[columns.label], where), corners, repr(str(path)))
    lost = sum(missing.values())
    found.notes += counted("Rows without a path, left out", without_path)
    found.notes += counted(f"Pictures that are not there, left out with {lost} boxes", [*missing])
    _some_parts(found)
    _fractions(found)
    return found


def has_boxes(path: Path) -> bool:
    """Whether the first row of a CSV file names such columns, or is such a box."""
    try:
        _columns(path, read_rows(path)[0][1])
    except MartletError:
        return False
    return True


def _columns(path: Path, head: Sequence[str]) -> _Columns | None:
    """What the first row names; None where it is RetinaNet's first box already."""
    names = [one_form(name).casefold().replace(" ", "_") for name in head]

    def one(what: str, accepted: Sequence[str], needed: bool = True) -> int:
        there = [n for n, name in enumerate(names) if name in accepted]
        if len(there) > 1 and accepted not in (PATHS, CLASSES):
            raise MartletError(
                f"{str(path)!r} has {len(there)} columns that could be the {what}, "
                f"{listed([head[n] for n in there])}; rename one."
            )
        if not there and needed:
            raise MartletError(
                f"{str(path)!r} has the columns {listed(head)}, and none is the {what}; accepted "
                f"are {', '.join(accepted[:5])} or the like."
            )
        return min(there, key=lambda n: accepted.index(names[n])) if there else -1

    corners = [one("corner", accepted, needed=False) for accepted in CORNERS]
    has_size = -1 in corners
    sizes: tuple[int, ...] = ()
    if has_size:
        corners = [one("place", accepted, needed=False) for accepted in PLACE_AND_SIZE]
    else:
        there = {name: n for n, name in enumerate(names)}
        if "width" in there and "height" in there:
            sizes = there["width"], there["height"]
    if -1 in corners:
        if len(head) == HEADERLESS and all(_is_number(cell) for cell in head[1:5]):
            return None
        raise MartletError(
            f"{str(path)!r} begins with the columns {listed(head)}; accepted are a path, xmin, "
            "ymin, xmax, ymax (or x, y, width, height) and class, or without names the six path, "
            "x1, y1, x2, y2, class."
        )
    part = one("part", PARTS, needed=False)
    path_column, label = one("path", PATHS), one("class", CLASSES)
    part_column = None if part < 0 else part
    return _Columns(path_column, tuple(corners), has_size, label, part_column, sizes)


def _is_number(cell: str) -> bool:
    try:
        float(cell or "0")
    except ValueError:
        return False
    return True


def _said(path: Path, head: Sequence[str], columns: _Columns) -> str:
    boxes = listed([head[n] for n in columns.corners])
    part = "" if columns.part is None else f", parts in {quoted(head[columns.part], 40)}"
    return (
        f"{path.name} has paths in {quoted(head[columns.path], 40)}, boxes in {boxes}, classes in "
        f"{quoted(head[columns.label], 40)}{part}."
    )


def _corners(cells: Sequence[str], has_size: bool, where: str) -> tuple[float, ...] | None:
    """Left, top, right, bottom; None where all cells are empty."""
    if not any(cells):
        return None
    if not all(cells):
        raise MartletError(
            f"{where} has a box with {sum(map(bool, cells))} of its four numbers; fill all, or "
            "leave all empty for a picture without boxes."
        )
    left, top, right, bottom = (number_of(cell, where) for cell in cells)
    return (left, top, left + right, top + bottom) if has_size else (left, top, right, bottom)


def _size(cells: Sequence[str]) -> Size | None:
    try:
        width, height = (int(float(cell)) for cell in cells)
    except (ValueError, OverflowError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def _part(cell: str, where: str) -> str | None:
    if cell and cell.lower() not in SPELLINGS:
        raise MartletError(f"{where} has the part {shown(cell)}; accepted are train, val and test.")
    return SPELLINGS[cell.lower()] if cell else None


def _some_parts(found: Found) -> None:
    """All pictures have a part, or none has."""
    if any(found.parts) and None in found.parts:
        name = list(found.pictures)[found.parts.index(None)]
        raise MartletError(
            f"{found.parts.count(None)} pictures, such as {quoted(name, 120)}, have no part, and "
            "others have one; fill the column of parts, or leave it out."
        )


def _fractions(found: Found) -> None:
    """OpenImages, for one, has fractions of the sides in these columns."""
    corners = found.corners()
    corners = corners[np.isfinite(corners).all(axis=1)]
    within = len(corners) > 0 and corners.min() >= 0 and corners.max() <= 1
    if within and (corners % 1 > 0).any():
        found.fractions = True
        found.notes.append("All corners lie between 0 and 1: they are fractions of the sides.")
