"""OPPORTUNITY: 250 columns between blanks at 30 Hz; of seven of labels one is asked for.

`S1-ADL1.dat`, `S1-Drill.dat`: milliseconds, 242 sensors, labels (0 is nothing).
`column_names.txt` names the columns ("Column: 2 Accelerometer RKN^ accX; value = …") and
`label_legend.txt` the labels ("1   -   Locomotion   -   Stand").
"""

import re

import numpy as np
from numpy.typing import NDArray

from martlet.data.series.layout import (
    Columns,
    Files,
    Found,
    Layout,
    Track,
    as_float32,
    as_whole,
    read_text,
)
from martlet.data.series.tables import read_matrix
from martlet.errors import MartletError, unknown

RATE = 30.0  # Hz
FIRST_LABEL = 243  # of the columns, counted from 0
COLUMNS = 250
_FILE = r"S(\d+)-(?:ADL\d+|Drill)\.dat"
_COLUMN = re.compile(r"Column:\s*(\d+)\s+([^;\n]+)")
_LABEL = re.compile(r"\s*(\d+)\s+-\s+(\S+)\s+-\s+(.+?)\s*")


def _read(files: Files, columns: Columns) -> Found:
    found = files.matching(_FILE)
    if not found:
        raise MartletError(f"{files.given!r} holds no S1-ADL1.dat or its like.")
    folder = next(iter(found)).rpartition("/")[0]
    names = _column_names(files, f"{folder}/column_names.txt".lstrip("/"))
    tracks = names[FIRST_LABEL:]
    asked = columns.label if columns.labelled or columns.label in tracks else None
    if asked is None and columns.labelled:
        raise MartletError(
            f"{files.given!r} has {len(tracks)} columns of labels; name one by label_column: "
            f"{', '.join(tracks)}."
        )
    if asked is not None and asked not in tracks:
        raise unknown("label_column:", asked, tracks)
    column = None if asked is None else FIRST_LABEL + tracks.index(asked)
    legend = {} if asked is None else _legend(files, f"{folder}/label_legend.txt".lstrip("/"))
    channels = names[1:FIRST_LABEL]
    kept = columns.chosen(channels, files.given)
    made = []
    for name, match in found.items():
        table = read_matrix(files.path(name), name, COLUMNS)
        if not np.isfinite(table[:, 0 if column is None else [0, column]]).all():
            raise MartletError(f"{name!r} has rows without a time or a label.")
        codes: NDArray[np.int32] | None = None
        labels: tuple[str, ...] = ()
        if column is not None:
            codes, labels = _coded(table[:, column], legend, f"{name!r}: the labels of {asked}")
        made.append(
            Track(
                name=name,
                values=as_float32(table[:, 1:FIRST_LABEL][:, kept]),
                channels=tuple(channels[i] for i in kept),
                codes=codes,
                names=labels,
                subject=f"S{match[1]}",
                rate=RATE,
                times=(table[:, 0] - table[0, 0]) * 1e-3,
            )
        )
    told = "No column of labels is used" if asked is None else f"Labels are those of {asked}"
    nothing = "" if asked is None else ", 0 is nothing"
    return Found(made, [f"{told}{nothing}; subjects are in files' names."])


def _coded(
    column: NDArray[np.float64], legend: dict[int, str], what: str
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Codes, -1 for nothing, and their names."""
    numbers, codes = np.unique(as_whole(column, what), return_inverse=True)
    first = int(numbers[0] == 0)
    names = tuple(legend.get(int(number), str(number)) for number in numbers[first:])
    return (codes - first).astype(np.int32), names


def _column_names(files: Files, name: str) -> list[str]:
    """All 250 names; one that several columns have is followed by the column's number."""
    if name not in files.names:
        raise MartletError(f"{name!r} is missing below {str(files.root)!r}; it names the columns.")
    pairs = _COLUMN.findall(read_text(files.path(name), name))
    found = {int(number): text.strip() for number, text in pairs}
    absent = [number for number in range(1, COLUMNS + 1) if number not in found]
    if absent:
        raise MartletError(f"{name!r} does not name column {absent[0]} of {COLUMNS}.")
    names = [found[number] for number in range(1, COLUMNS + 1)]
    return [
        f"{text} ({number})" if names.count(text) > 1 else text
        for number, text in enumerate(names, start=1)
    ]


def _legend(files: Files, name: str) -> dict[int, str]:
    if name not in files.names:
        raise MartletError(f"{name!r} is missing below {str(files.root)!r}; it names the labels.")
    matches = [_LABEL.fullmatch(line) for line in read_text(files.path(name), name).splitlines()]
    found = {int(match[1]): match[3] for match in matches if match}
    if not found:
        raise MartletError(f'{name!r} has no line of the form "1 - Locomotion - Stand".')
    return found


OPPORTUNITY = Layout(
    name="opportunity",
    what="OPPORTUNITY",
    recognises=lambda files: bool(files.matching(_FILE)),
    read=_read,
)
