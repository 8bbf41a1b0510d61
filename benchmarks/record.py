"""Where a benchmark's rows go: the screen, and a CSV file with the machine's record in it."""

import csv
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from martlet.measuring.machine import machine

RESULTS = Path(__file__).parent / "results"


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
