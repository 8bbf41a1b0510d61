"""USC-HAD: a MATLAB file a trial, accelerometer and gyroscope at 100 Hz.

`Subject1/a1t1.mat`: `sensor_readings` (N, 6); subject, activity and trial are in the path.
"""

from martlet.data.series.layout import Columns, Files, Found, Layout, Track, as_float32, name_of
from martlet.data.series.layouts.mat_file import read_mat, wanted
from martlet.errors import MartletError

RATE = 100.0  # Hz
CHANNELS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
_FILE = r"Subject(\d+)/a(\d+)t\d+\.mat"
# The texts in the files differ in spelling; the numbers do not.
ACTIVITIES = (
    "walking forward",
    "walking left",
    "walking right",
    "walking upstairs",
    "walking downstairs",
    "running forward",
    "jumping up",
    "sitting",
    "standing",
    "sleeping",
    "elevator up",
    "elevator down",
)


def _read(files: Files, columns: Columns) -> Found:
    found = files.matching(_FILE)
    if not found:
        raise MartletError(f"{files.given!r} holds no Subject1/a1t1.mat or its like.")
    tracks = []
    for name, match in found.items():
        values = wanted(read_mat(files.path(name), name), ("sensor_readings",), name)
        if values.ndim != 2 or values.shape[1] != len(CHANNELS) or values.dtype.kind not in "iuf":
            raise MartletError(
                f"{name!r}: sensor_readings is {values.shape}; (N, {len(CHANNELS)}) is accepted."
            )
        tracks.append(
            Track(
                name=name,
                values=as_float32(values),
                channels=CHANNELS,
                label=name_of(match[2], ACTIVITIES),
                subject=match[1],
                rate=RATE,
            )
        )
    return Found(tracks, ["Subjects and activities are read off the paths, Subject1/a1t1.mat."])


USC_HAD = Layout(
    name="usc-had",
    what="USC-HAD",
    recognises=lambda files: bool(files.matching(_FILE)),
    read=_read,
)
