"""UCI HAR, Human Activity Recognition Using Smartphones: windows of 128 samples at 50 Hz.

`train/Inertial Signals/body_acc_x_train.txt` and eight like it, a window a line;
`train/y_train.txt`, `train/subject_train.txt`, and `activity_labels.txt` above; `test/` alike.
"""

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
from martlet.errors import MartletError

RATE = 50.0  # Hz
_SIGNAL = r"Inertial Signals/([^/]+)_(train|test)\.txt"


def _read(files: Files, columns: Columns) -> Found:
    signals = files.matching(_SIGNAL)
    if not signals:
        raise MartletError(f"{files.given!r} has no folder 'Inertial Signals' with text files.")
    by_part: dict[str, dict[str, str]] = {}
    for name, match in signals.items():
        by_part.setdefault(match[2], {})[match[1]] = name
    tracks: list[Track] = []
    for part in ("train", "test"):
        if part in by_part:
            tracks += _part(files, part, by_part[part])
    told = [
        "Each line of its signals is a recording of its own; in the original set neighbouring "
        "lines share half of their samples."
    ]
    return Found(tracks, told)


def _part(files: Files, part: str, signals: dict[str, str]) -> list[Track]:
    folder = next(iter(signals.values())).rpartition("Inertial Signals/")[0]
    above = folder.rstrip("/").rpartition("/")[0]
    names = _activities(files, f"{above}/activity_labels.txt".lstrip("/"))
    labels = _numbers(files, f"{folder}y_{part}.txt")
    subjects = _numbers(files, f"{folder}subject_{part}.txt")
    arrays: list[NDArray[np.float32]] = []
    first = next(iter(signals.values()))
    for name in signals.values():
        array = as_float32(read_matrix(files.path(name), name))
        if arrays and array.shape != arrays[0].shape:
            raise MartletError(
                f"{name!r} has {array.shape[0]} lines of {array.shape[1]} values, and {first!r} "
                f"{arrays[0].shape[0]} of {arrays[0].shape[1]}; all signals have to be alike."
            )
        arrays.append(array)
    for what, column in (("y", labels), ("subject", subjects)):
        if len(column) != len(arrays[0]):
            raise MartletError(
                f"'{folder}{what}_{part}.txt' has {len(column)} lines, and {first!r} "
                f"{len(arrays[0])}."
            )
    values = np.stack(arrays, axis=2)
    return [
        Track(
            name=f"{folder}#{row + 1}",
            values=values[row],
            channels=tuple(signals),
            label=names.get(label, str(label)),
            subject=str(subject),
            part=part,
            rate=RATE,
        )
        for row, (label, subject) in enumerate(zip(labels, subjects, strict=True))
    ]


def _numbers(files: Files, name: str) -> list[int]:
    if name not in files.names:
        raise MartletError(f"{name!r} is missing below {str(files.root)!r}.")
    column: NDArray[np.float64] = read_matrix(files.path(name), name, columns=1)[:, 0]
    return [int(value) for value in as_whole(column, f"{name!r}: its lines")]


def _activities(files: Files, name: str) -> dict[int, str]:
    """Number -> name, from lines such as "1 WALKING"; nothing where the file is missing."""
    if name not in files.names:
        return {}
    pairs = [line.split(maxsplit=1) for line in read_text(files.path(name), name).splitlines()]
    return {int(pair[0]): pair[1] for pair in pairs if len(pair) == 2 and pair[0].isdecimal()}


UCI_HAR = Layout(
    name="uci-har",
    what="UCI HAR, its inertial signals",
    recognises=lambda files: bool(files.matching(_SIGNAL)),
    read=_read,
)
