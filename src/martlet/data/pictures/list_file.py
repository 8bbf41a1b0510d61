"""A list of pictures: a table of paths, labels, groups and parts, as CSV, TSV or Parquet.

CSV is read by Python's own reader, which keeps each cell as it is written: labels that are numbers
("01"), or that pandas would take as missing ("NA"), stay what they are.
"""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from martlet.data.class_names import one_form
from martlet.errors import MartletError, quoted, shortened

LISTS = (".csv", ".tsv", ".parquet")
_SEPARATORS = ",;\t|"
_HEAD_CHARACTERS = 1 << 16
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # Excel's "Unicode text"

USUAL = {  # names of columns, in small letters
    "path": (
        *("path", "file", "filename", "file_name", "filepath", "file_path"),
        *("image", "image_path", "img", "img_path", "picture"),
    ),
    "label": ("label", "labels", "class", "target", "category"),
    "group": ("group", "group_id", "subject", "subject_id", "patient", "patient_id"),
    "part": ("part", "split", "subset", "partition", "set", "fold"),
}
_OPTIONS = {
    "path": "path_column",
    "label": "label_column",
    "group": "group_by",
    "part": "part_column",
}


@dataclass(frozen=True)
class Columns:
    """Which columns of a list are meant; None: the one with a usual name.

    root: the folder that relative paths lie below; None: the list's own.
    """

    path_column: str | None = None
    label_column: str | None = None
    group_by: str | None = None
    part_column: str | None = None
    root: Path | None = None

    @classmethod
    def of(cls, options: Any) -> "Columns":
        """Those among the options of a verb; what it does not have is None."""
        return cls(**{one.name: getattr(options, one.name, None) for one in fields(cls)})

    def refuse(self, data: Path) -> None:
        """Raises MartletError for an option that was given, where `data` is no list."""
        for one in fields(self):
            if getattr(self, one.name) is not None:
                raise MartletError(
                    f"{one.name}={str(getattr(self, one.name))!r} is about a list of pictures "
                    f"({', '.join(LISTS)}), and {str(data)!r} is none; leave it out."
                )


class Table(NamedTuple):
    """Cells as text. rows: the line of the file (the row, of Parquet), and a cell each column."""

    path: Path
    names: list[str]
    rows: list[tuple[int, list[str]]]

    def column(self, what: str, asked: str | None) -> int | None:
        """Number of the column that is asked for, or of that with a usual name for `what`.

        Raises MartletError where there are several, or not the one that is asked for.
        """
        if asked is not None:
            if asked not in self.names:
                raise MartletError(
                    f"{_OPTIONS[what]}={asked!r} is no column of {str(self.path)!r}, which has "
                    f"{listed(self.names)}."
                )
            return self.names.index(asked)
        found = [n for n, name in enumerate(self.names) if name.casefold() in USUAL[what]]
        if len(found) > 1:
            several = listed([self.names[n] for n in found])
            raise MartletError(
                f"{str(self.path)!r} has several columns that could be the {what}, {several}; "
                f"name one by {_OPTIONS[what]}."
            )
        return found[0] if found else None

    def needed(self, what: str, asked: str | None) -> int:
        """The same; raises MartletError where there is none."""
        found = self.column(what, asked)
        if found is None:
            raise MartletError(
                f"{str(self.path)!r} has the columns {listed(self.names)}, and none is called "
                f"{', '.join(USUAL[what][:3])} or the like; name one by {_OPTIONS[what]} (the "
                "first row has to be the names; recordings need a model for them)."
            )
        return found


def is_list(data: Path) -> bool:
    """Whether this is a file that may be a list of pictures."""
    return data.suffix.lower() in LISTS and os.path.isfile(data)


def read_table(path: Path) -> Table:
    """All cells of a list. Raises MartletError, which names the file and the line."""
    table = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    twice = sorted({name for name in table.names if table.names.count(name) > 1})
    if twice:
        raise MartletError(f"{str(path)!r} has two columns called {twice[0]!r}; rename one.")
    if not table.rows:
        raise MartletError(f"{str(path)!r} has no rows; give a list with one for each picture.")
    return table


def find_path(text: str, root: str) -> str:
    """A path of a list, with "/"; backslashes separate folders unless such a file is there."""
    if "\\" in text and os.sep == "/" and not os.path.lexists(os.path.join(root, text)):
        text = text.replace("\\", "/")
    return text.removeprefix("./")


def listed_paths(path: Path, columns: Columns) -> list[Path]:
    """The pictures that a list names, in its order, whatever else it says of them."""
    table = read_table(path)
    at = table.needed("path", columns.path_column)
    root = path.parent if columns.root is None else columns.root
    found = [root / find_path(cells[at], os.fspath(root)) for _, cells in table.rows if cells[at]]
    if not found:
        raise MartletError(f"{str(path)!r} names no picture in column {table.names[at]!r}.")
    return found


def listed(names: Sequence[str]) -> str:
    """Up to eight of them, in quotes."""
    return ", ".join(quoted(name, 40) for name in names[:8]) + (", …" if names[8:] else "")


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file that are not empty: each one's line, and its cells without blanks
    around them. Raises MartletError, with the line, for what cannot be read."""
    name = str(path)
    try:
        with open(path, "rb") as raw:
            encoding = "utf-16" if raw.read(2) in _UTF_16 else "utf-8-sig"
        with open(path, encoding=encoding, newline="") as file:
            head = file.read(_HEAD_CHARACTERS)
            file.seek(0)
            reader = csv.reader(file, delimiter=_separator(head), strict=True)
            try:
                lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
            except csv.Error as error:
                raise MartletError(
                    f"{name!r} cannot be read as a list: line {reader.line_num}: {error}."
                ) from error
    except OSError as error:
        raise MartletError(f"{name!r} cannot be read ({error.strerror or error}).") from error
    except UnicodeError as error:
        raise MartletError(
            f"{name!r} is no text in UTF-8 ({shortened(str(error), 60)}); save it as UTF-8."
        ) from error
    lines = [(line, cells) for line, cells in lines if any(cells)]
    if not lines:
        raise MartletError(f"{name!r} is empty; give a list with a row for each picture.")
    return lines


def _csv(path: Path) -> Table:
    lines = read_rows(path)
    names = [one_form(cell) for cell in lines[0][1]]
    while names and not names[-1]:  # each line ends with a separator
        names.pop()
    rows = []
    for line, cells in lines[1:]:
        if any(cells[len(names) :]):
            raise MartletError(
                f"{str(path)!r} has {len(cells)} cells in line {line}, and names for {len(names)} "
                "in its first; a cell with a separator in it stands in double quotes."
            )
        rows.append((line, cells[: len(names)] + [""] * (len(names) - len(cells))))
    return Table(path, names, rows)


def _separator(head: str) -> str:
    """The one that the first line has most of, outside quotes."""
    line = next((line for line in head.splitlines() if line.strip()), "")
    bare = "".join(line.split('"')[::2])
    return max(_SEPARATORS, key=bare.count)  # a comma where there is none


def _parquet(path: Path) -> Table:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MartletError(
            "lists in Parquet are read by pyarrow, which is not installed: "
            "pip install 'martlet[lists]'."
        ) from error
    try:
        table = parquet.read_table(path)
        columns = [[_text(value) for value in column.to_pylist()] for column in table.columns]
    except Exception as error:  # pyarrow meets damaged files with many kinds of exception
        why = shortened(str(error), 120)
        raise MartletError(f"{str(path)!r} cannot be read as Parquet ({why}).") from error
    rows = [(number, list(cells)) for number, cells in enumerate(zip(*columns, strict=True), 1)]
    return Table(path, [one_form(name.strip()) for name in table.column_names], rows)


def _text(value: Any) -> str:
    """A cell as a CSV file would have it: whole numbers, also those of a column with gaps,
    without a point."""
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()
