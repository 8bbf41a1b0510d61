"""runs.csv: one row a finished run, in one file for all experiments of a folder.

A run that two experiments have is there once. The file is written anew, whole or not at all, for
each row, so that a kill leaves it as it was; several processes may add to it.
"""

import threading
from collections.abc import Mapping
from math import isfinite
from pathlib import Path

from martlet.errors import MartletError
from martlet.storage.csv_rows import read_rows, write_rows
from martlet.storage.locks import locked

NAME = "runs.csv"
VERSION = "1"
OF_RUN = (
    *("version", "key", "data", "train", "test", "model", "options", "seed"),
    *("top1", "loss", "seconds", "threads", "params", "macs", "bytes_moved"),
)
OF_BOXES = ("ap", "ap50")  # beside them, which files from before do not have; then no top1
NUMBERS = ("top1", *OF_BOXES, "seconds", "threads", "params", "macs", "bytes_moved")
WORK = "work"  # where runs lie until they are recorded
_THREADS = threading.Lock()  # where the file system has no locks, threads at least


class Record:
    """The rows of runs.csv in a folder, by key."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / NAME

    def rows(self) -> dict[str, dict[str, str]]:
        """Key -> row; raises MartletError for a file of another version, and for a damaged line."""
        lines, found = read_rows(self.path), dict[str, dict[str, str]]()
        for number, row in enumerate(lines, 2):
            if row.get("version") != VERSION:
                raise MartletError(
                    f"{self.path}, line {number}: a row of version {row.get('version')!r}, and "
                    f"this martlet reads and writes {VERSION!r}; move the file away, or give "
                    "another folder."
                )
            lacking = [name for name in OF_RUN if name not in row]
            if lacking:
                raise MartletError(
                    f"{self.path} has no column {lacking[0]}; move the file away, or give another "
                    "folder."
                )
            row |= {name: "" for name in OF_BOXES if name not in row}
            scored = "ap" if row["ap"] else "top1"
            if None in {*row, *row.values()} or not all(
                _is_number(row[name]) for name in NUMBERS if row[name] or name == scored
            ):
                raise MartletError(
                    f"{self.path}, line {number} is cut or damaged; delete the line, and its run "
                    "is made again."
                )
            found.setdefault(row["key"], row)
        return found

    def add(self, row: Mapping[str, object]) -> None:
        """Append `row` as it is, unless its key is there; on the disk.

        Raises MartletError when the folder cannot be written.
        """
        work = self.folder / WORK
        try:
            work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MartletError(
                f"{self.folder} cannot be written ({error.strerror or error}); give another folder."
            ) from error
        with _THREADS, locked(work):
            rows = self.rows()
            if str(row["key"]) not in rows:
                full = {**dict.fromkeys((*OF_RUN, *OF_BOXES), ""), "version": VERSION, **row}
                write_rows(self.path, [*rows.values(), full])


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False
