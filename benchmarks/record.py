"""Where a benchmark's rows go: the screen, and a CSV file with the machine's record in it."""

import csv
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import fmean
from typing import Any

from martlet.measuring.machine import machine
from martlet.storage.csv_rows import read_rows

RESULTS = Path(__file__).parent / "results"


def spread(values: Sequence[float], sign: str = "") -> str:
    """Mean, lowest and highest, as tables show them."""
    return f"{fmean(values):.1f}{sign} ({min(values):.1f} to {max(values):.1f})"


def write_rows(name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print `rows` and write them to results/NAME.csv, each with the machine and the date."""
    record = {"date": date.today().isoformat(), **machine()}
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=[*rows[0], *record], lineterminator="\n")
        table.writeheader()
        for row in rows:
            print("  ".join(f"{key} {value}" for key, value in row.items()))
            table.writerow({**row, **record})
    print(", ".join(f"{key} {value}" for key, value in record.items()))


def rows_of(name: str) -> list[dict[str, str]]:
    """The rows that results/NAME.csv has so far."""
    return read_rows(RESULTS / f"{name}.csv")


def add_row(name: str, row: dict[str, Any]) -> None:
    """Print `row` and append it to results/NAME.csv with the machine and the date, on the disk.

    For measurements that go on where they were stopped: each row keeps its own record.
    """
    row = {**row, "date": date.today().isoformat(), **machine()}
    print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    RESULTS.mkdir(exist_ok=True)
    append(RESULTS / f"{name}.csv", row)


def append(path: Path, row: dict[str, Any]) -> None:
    """Append `row` as it is to a CSV file, which gets a first line of names; on the disk."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=list(row), lineterminator="\n")
        if new:
            table.writeheader()
        table.writerow(row)
        file.flush()
        os.fsync(file.fileno())
