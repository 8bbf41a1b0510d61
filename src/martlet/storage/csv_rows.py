"""Rows of a CSV file, read whole and written whole or not at all."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from martlet.errors import MartletError
from martlet.storage.files import write_text


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows by the names of the first line; none where there is no file.

    Raises MartletError for a file that cannot be read or is no text.
    """
    if not path.exists():
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a mark
    except (OSError, UnicodeError) as error:
        raise MartletError(f"{path} cannot be read ({error}).") from error
    return list(csv.DictReader(io.StringIO(text)))


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """All rows, with every name that one of them has as a column; the folder is made.

    Raises MartletError when the disk refuses; the file is then as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MartletError(
            f"{path.parent} cannot be made ({error.strerror or error}); give another place."
        ) from error
    write_text(path, as_text(rows))


def as_text(rows: Sequence[Mapping[str, object]]) -> str:
    """The rows as CSV, a line of names first."""
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = csv.DictWriter(text, names, lineterminator="\n", restval="")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
