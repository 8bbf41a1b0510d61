"""UniMiB SHAR: windows of 151 samples of a phone's accelerometer at 50 Hz.

`acc_data.mat` (N, 453: 151 of x, of y, of z), `acc_labels.mat` (N, 3: class, subject, trial) and
`acc_names.mat`; `adl_`, `fall_` and `two_classes_` are other choices of the same windows.
"""

from typing import Any

import numpy as np

from martlet.data.series.layout import Columns, Files, Found, Layout, Track, as_float32, as_whole
from martlet.data.series.layouts.mat_file import read_mat, wanted
from martlet.errors import MartletError

RATE = 50.0  # Hz
CHANNELS = ("x", "y", "z")
_FILE = r"(acc|adl|fall|two_classes)_data\.mat"


def _read(files: Files, columns: Columns) -> Found:
    found = files.matching(_FILE)
    if not found:
        raise MartletError(f"{files.given!r} holds no acc_data.mat or its like.")
    if len(found) > 1:
        raise MartletError(
            f"{files.given!r} holds several choices of windows; give one of these files: "
            f"{', '.join(found)}."
        )
    (name, match), *_ = found.items()
    start = f"{match[1]}_"
    folder = name.rpartition("/")[0]
    beside = {
        part: f"{folder}/{start}{part}.mat".lstrip("/") for part in ("data", "labels", "names")
    }
    for part in ("data", "labels"):
        if not files.path(beside[part]).is_file():
            raise MartletError(f"{beside[part]!r} is missing beside {name!r}.")
    data = wanted(read_mat(files.path(name), name), (f"{start}data",), name)
    where = beside["labels"]
    labels = wanted(read_mat(files.path(where), where), (f"{start}labels",), where)
    if data.ndim != 2 or data.shape[1] % 3 or data.dtype.kind not in "iuf" or not data.size:
        raise MartletError(f"{name!r}: {start}data is {data.shape}; (N, 3 × length) is accepted.")
    if labels.shape != (len(data), 3) or labels.dtype.kind not in "iuf":
        raise MartletError(
            f"{where!r}: {start}labels is {labels.shape}; ({len(data)}, 3) goes with the data."
        )
    names = _names(files, beside["names"], f"{start}names")
    values = as_float32(data.reshape(len(data), 3, -1).transpose(0, 2, 1))
    tracks = []
    for row, (label, subject, _) in enumerate(as_whole(labels, f"{where!r}: its numbers")):
        known = 1 <= label <= len(names)
        tracks.append(
            Track(
                name=f"{name} #{row + 1}",
                values=values[row],
                channels=CHANNELS,
                label=names[label - 1] if known else str(label),
                subject=str(subject),
                rate=RATE,
            )
        )
    return Found(tracks, ["Each line of its data is a recording of its own."])


def _names(files: Files, name: str, key: str) -> list[str]:
    """Names of the classes from 1 on, the last of the texts that each has; [] without the file."""
    if not files.path(name).is_file():
        return []
    cells = wanted(read_mat(files.path(name), name), (key,), name)
    texts = np.array([_text(cell) for cell in cells.ravel()]).reshape(cells.shape)
    pairs = texts if texts.shape[0] <= 2 else texts.T
    return [str(text) for text in np.atleast_2d(pairs)[-1]]


def _text(cell: Any) -> str:
    """The text in a cell, which is an array of one text."""
    while isinstance(cell, np.ndarray) and cell.size:
        cell = cell.ravel()[0]
    return str(cell).strip()


UNIMIB = Layout(
    name="unimib",
    what="UniMiB SHAR",
    recognises=lambda files: bool(files.matching(_FILE)),
    read=_read,
)
