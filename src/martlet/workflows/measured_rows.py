"""The CSV file of `measure --csv`: a row an engine, with the record of its machine."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from martlet.errors import MartletError
from martlet.measuring.latency import Latency
from martlet.measuring.machine import machine
from martlet.storage.claim import claimed
from martlet.storage.csv_rows import read_rows, write_rows

WAIT_SECONDS = 60.0  # for another process's rows
COLUMNS = (
    *("network", "date", "engine", "threads", "batch", "median_ms", "p10_ms", "p90_ms"),
    *("calls", "rounds", "reliable"),
)


def check_csv(path: Path | None) -> None:
    """Raises MartletError, before anything is measured, for a file that is not of `measure`, or a
    place where none can be."""
    if path is None:
        return
    if path.is_dir() or not path.parent.is_dir():
        raise MartletError(
            f"csv={path} is a folder, or lies in none; give a file in a folder that is there."
        )
    rows = read_rows(path)
    whole = all(None not in {*row, *row.values()} and set(COLUMNS) <= row.keys() for row in rows)
    if not whole or (not rows and path.exists() and path.stat().st_size):
        raise MartletError(
            f"csv={path} holds something else than rows of measure, or cut ones, and would be "
            "lost; give another file."
        )


def keep(rows: Sequence[Latency], network: str, path: Path | None) -> None:
    """Add the rows to the file; others that are added meanwhile are kept."""
    if path is None:
        return
    now = datetime.now(UTC).isoformat(timespec="seconds")
    new = [
        {
            "network": network,
            "date": now,
            "engine": row.engine,
            "threads": row.threads,
            "batch": row.batch,
            "median_ms": f"{row.median_ms:.4f}",
            "p10_ms": f"{row.p10_ms:.4f}",
            "p90_ms": f"{row.p90_ms:.4f}",
            "calls": row.calls,
            "rounds": row.rounds,
            "reliable": row.reliable,
            **(row.record or machine()),
        }
        for row in rows
    ]
    with claimed(path.parent / f".{path.name}.claim", wait=WAIT_SECONDS):
        write_rows(path, [*read_rows(path), *new])
