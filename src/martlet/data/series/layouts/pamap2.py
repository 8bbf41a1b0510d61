"""PAMAP2, Physical Activity Monitoring: 54 columns between blanks at 100 Hz.

`Protocol/subject101.dat`, `Optional/subject101.dat`: seconds, activity (0 is nothing), heart rate
at about 9 Hz, then temperature, two accelerometers, gyroscope, magnetometer and orientation of
hand, chest and ankle.
"""

import numpy as np

from martlet.data.series.layout import Columns, Files, Found, Layout, Track, as_float32, as_whole
from martlet.data.series.tables import read_matrix
from martlet.errors import MartletError

RATE = 100.0  # Hz
COLUMNS = 54
_FILE = r"subject(\d+)\.dat"
_IMU = (
    "temperature",
    *(f"{sensor}_{axis}" for sensor in ("acc16", "acc6", "gyro", "mag") for axis in "xyz"),
    *(f"orientation_{i}" for i in range(1, 5)),
)
CHANNELS = (
    "heart_rate",
    *(f"{place}_{channel}" for place in ("hand", "chest", "ankle") for channel in _IMU),
)
ACTIVITIES = {
    1: "lying",
    2: "sitting",
    3: "standing",
    4: "walking",
    5: "running",
    6: "cycling",
    7: "Nordic walking",
    9: "watching TV",
    10: "computer work",
    11: "car driving",
    12: "ascending stairs",
    13: "descending stairs",
    16: "vacuum cleaning",
    17: "ironing",
    18: "folding laundry",
    19: "house cleaning",
    20: "playing soccer",
    24: "rope jumping",
}


def _read(files: Files, columns: Columns) -> Found:
    found = files.matching(_FILE)
    if not found:
        raise MartletError(f"{files.given!r} holds no subject101.dat or its like.")
    # The set's own description calls the orientation invalid: it is there if asked for.
    kept = [i for i, name in enumerate(CHANNELS) if "orientation" not in name]
    if columns.channels is not None:
        kept = columns.chosen(CHANNELS, files.given)
    tracks = []
    for name, match in found.items():
        table = read_matrix(files.path(name), name, COLUMNS)
        if not np.isfinite(table[:, :2]).all():
            raise MartletError(f"{name!r} has rows without a time or an activity.")
        labels = as_whole(table[:, 1], f"{name!r}: the activities in column 2")
        numbers, codes = np.unique(labels, return_inverse=True)
        first = int(numbers[0] == 0)
        tracks.append(
            Track(
                name=name,
                values=as_float32(table[:, 2:][:, kept]),
                channels=tuple(CHANNELS[i] for i in kept),
                codes=(codes - first).astype(np.int32),
                names=tuple(ACTIVITIES.get(int(n), str(n)) for n in numbers[first:]),
                subject=match[1],
                rate=RATE,
                times=table[:, 0] - table[0, 0],
            )
        )
    told = ["Activity 0 is nothing; subjects are read off the files' names."]
    if columns.channels is None:
        told.append("Orientations are left out, which the set calls invalid.")
    return Found(tracks, told)


PAMAP2 = Layout(
    name="pamap2",
    what="PAMAP2",
    recognises=lambda files: bool(files.matching(r"subject1\d\d\.dat")),
    read=_read,
)
