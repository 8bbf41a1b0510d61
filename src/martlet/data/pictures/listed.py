"""The pictures of a list: classes, parts and groups, and the path of every picture."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from martlet.data.class_names import one_form
from martlet.data.pictures.list_file import Columns, Table, find_path, listed, read_table
from martlet.data.pictures.read import Listing, Picture
from martlet.errors import MartletError

SPELLINGS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}


def scan_list(path: Path, columns: Columns, *, min_classes: int = 2) -> Listing:
    """The pictures that a list names, as `scan` lists those of a folder; the files are not read.

    Rows without a path or a label are left out, and rows that say the same twice count once; the
    listing's notes say how many. Raises MartletError for a list without such columns, a part that
    is none, a picture with two labels, and too few classes.
    """
    table = read_table(path)
    root = path.parent if columns.root is None else columns.root
    at = table.needed("path", columns.path_column)
    label = table.needed("label", columns.label_column)
    group = table.column("group", columns.group_by)
    part, notes = _part_column(table, columns.part_column)
    used = {"paths": at, "labels": label, "groups": group, "parts": part}
    said = [f"{what} in {table.names[n]!r}" for what, n in used.items() if n is not None]
    notes = [f"The list has {', '.join(said)}.", *notes]
    usable = [row for row in table.rows if row[1][at] and row[1][label]]
    for what, n in (("path", at), ("label", label)):
        without = [line for line, cells in table.rows if not cells[n]]
        if without:
            notes.append(f"Rows without a {what}, left out: {len(without)}, such as {without[0]}.")
    if not usable:
        raise MartletError(f"{str(path)!r} has no row with a path and a label.")
    parts = _parts(table, usable, part)
    classes = _classes(table, [one_form(cells[label]) for _, cells in usable], min_classes)
    number = {name: index for index, name in enumerate(classes)}
    start = os.fspath(root)
    found: dict[Picture, int] = {}
    for (line, cells), given in zip(usable, parts, strict=True):
        where, held = find_path(cells[at], start), None if group is None else cells[group]
        picture = Picture(where, number[one_form(cells[label])], given, held)
        found.setdefault(picture, line)
    if len(found) < len(usable):
        notes.append(f"Rows that stand there twice, counted once: {len(usable) - len(found)}.")
    _refuse_two_labels(path, classes, found)
    notes += _about_groups(found, grouped=group is not None)
    pictures = sorted(found, key=lambda p: (p.path, p.label, p.part or "", p.group or ""))
    _check_parts(path, classes, pictures, notes, training=min_classes > 1)
    return Listing(root, classes, tuple(pictures), (), tuple(notes), path)


def _part_column(table: Table, asked: str | None) -> tuple[int | None, list[str]]:
    """The column of parts, if any; one that holds other values is none, unless it is asked for.

    A column called "fold" mostly has numbers: it is said that it is not used.
    """
    if asked is not None:
        return table.column("part", asked), []
    table, notes = table._replace(names=list(table.names)), []
    for n, name in enumerate(table.names):
        values = {cells[n] for _, cells in table.rows} - {""}
        if name.casefold() in ("fold", "set") and not any(v.lower() in SPELLINGS for v in values):
            notes.append(f"Column {name!r} holds no parts ({listed(sorted(values))}): not used.")
            table.names[n] = ""
    return table.column("part", None), notes


def _parts(
    table: Table, rows: Sequence[tuple[int, list[str]]], column: int | None
) -> list[str | None]:
    """The part of each row; all have one, or none has."""
    if column is None:
        return [None] * len(rows)
    found: list[str | None] = []
    for line, cells in rows:
        value = cells[column]
        if value and value.lower() not in SPELLINGS:
            raise MartletError(
                f"{str(table.path)!r} has the part {value!r} in row {line}; accepted are train, "
                "val and test."
            )
        found.append(SPELLINGS[value.lower()] if value else None)
    if None in found and any(found):
        raise MartletError(
            f"{str(table.path)!r} says the part of some pictures, and not that in row "
            f"{rows[found.index(None)][0]}; fill column {table.names[column]!r}, or leave it out."
        )
    return found


def _classes(table: Table, labels: Sequence[str], min_classes: int) -> tuple[str, ...]:
    classes = tuple(sorted(set(labels)))
    if len(classes) < min_classes:
        raise MartletError(
            f"{str(table.path)!r} holds one class, {classes[0]!r}; at least {min_classes} are "
            "needed."
        )
    return classes


def _refuse_two_labels(path: Path, classes: Sequence[str], found: dict[Picture, int]) -> None:
    """A picture has one class: which of two rows is right is not guessed."""
    first: dict[str, tuple[Picture, int]] = {}
    for picture, line in found.items():
        other, before = first.setdefault(picture.path, (picture, line))
        if other.label != picture.label:
            raise MartletError(
                f"{str(path)!r} gives {picture.path!r} two labels, {classes[other.label]!r} in "
                f"row {before} and {classes[picture.label]!r} in row {line}; keep one of them."
            )


def _about_groups(found: dict[Picture, int], *, grouped: bool) -> list[str]:
    if not grouped:
        return []
    sizes = Counter(picture.group for picture in found)
    alone = sizes.pop("", 0)
    told = [f"{len(sizes)} groups, each kept in one part."]
    return told + ([f"Pictures without a group, each by itself: {alone}."] if alone else [])


def _check_parts(
    path: Path,
    classes: Sequence[str],
    pictures: Sequence[Picture],
    notes: list[str],
    *,
    training: bool,
) -> None:
    """Note classes that a held-out part lacks; without a train part there is no training."""
    held: dict[str | None, set[int]] = {}
    for picture in pictures:
        held.setdefault(picture.part, set()).add(picture.label)
    if training and None not in held and "train" not in held:
        raise MartletError(f"{str(path)!r} has no train part, only {' and '.join(map(str, held))}.")
    for part in ("val", "test"):
        lacking = sorted(set(range(len(classes))) - held.get(part, set(range(len(classes)))))
        if training and lacking:
            notes.append(
                f"Classes without a picture in {part}: {listed([classes[n] for n in lacking])}."
            )
