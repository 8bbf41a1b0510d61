"""runs.csv: one row a finished run, in one file for all experiments of a folder.

A run that two experiments have is there once. The file is written anew, whole or not at all, for
each row, so that a kill leaves it as it was; several processes may add to it.
"""

import threading
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from martlet.errors import MartletError
from martlet.measuring.machine import machine
from martlet.storage.csv_rows import read_rows, write_rows
from martlet.storage.locks import locked

NAME = "runs.csv"
VERSION = "1"
OF_RUN = (
    *("version", "key", "data", "train", "test", "model", "options", "seed"),
    *("top1", "loss", "seconds", "threads", "params", "macs", "bytes_moved"),
)
WORK = "work"  # where runs lie until they are recorded
_THREADS = threading.Lock()  # where the file system has no locks, threads at least


class Record:
    """The rows of runs.csv in a folder, by key."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / NAME

    def rows(self) -> dict[str, dict[str, str]]:
        """Key -> row; raises MartletError for a file of another version, or no such file at all."""
        lines = read_rows(self.path)
        for number, row in enumerate(lines, 2):
            if row.get("version") != VERSION or any(row.get(name) is None for name in OF_RUN):
                raise MartletError(
                    f"{self.path}, line {number}: a row of version {row.get('version')!r}, and "
                    f"this martlet reads and writes {VERSION!r} with all its columns; move the "
                    "file away, or give another folder."
                )
        return {row["key"]: row for row in lines}

    def add(self, row: Mapping[str, object]) -> None:
        """Append `row` with the date and the machine, unless its key is there; on the disk."""
        work = self.folder / WORK
        work.mkdir(parents=True, exist_ok=True)
        with _THREADS, locked(work):
            rows = self.rows()
            if str(row["key"]) in rows:
                return
            full: dict[str, object] = {**dict.fromkeys(OF_RUN, ""), "version": VERSION, **row}
            full |= {"date": date.today().isoformat(), **machine()}
            write_rows(self.path, [*rows.values(), full])
