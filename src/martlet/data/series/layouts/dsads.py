"""DSADS, Daily and Sports Activities: segments of 5 s at 25 Hz, 45 channels.

`a01/p1/s01.txt`: 125 lines of 45 numbers between commas; activity, person and segment in the path.
"""

from martlet.data.series.layout import Columns, Files, Found, Layout, Track, as_float32, name_of
from martlet.data.series.tables import read_matrix
from martlet.errors import MartletError

RATE = 25.0  # Hz
_FILE = r"a(\d\d)/p(\d+)/s\d+\.txt"
CHANNELS = tuple(
    f"{place}_{axis}{sensor}"
    for place in ("torso", "right_arm", "left_arm", "right_leg", "left_leg")
    for sensor in ("acc", "gyro", "mag")
    for axis in "xyz"
)
ACTIVITIES = (
    "sitting",
    "standing",
    "lying on back",
    "lying on right side",
    "ascending stairs",
    "descending stairs",
    "standing in an elevator",
    "moving around in an elevator",
    "walking in a parking lot",
    "walking on a flat treadmill",
    "walking on an inclined treadmill",
    "running on a treadmill",
    "exercising on a stepper",
    "exercising on a cross trainer",
    "cycling in horizontal position",
    "cycling in vertical position",
    "rowing",
    "jumping",
    "playing basketball",
)


def _read(files: Files, columns: Columns) -> Found:
    found = files.matching(_FILE)
    if not found:
        raise MartletError(f"{files.given!r} holds no a01/p1/s01.txt or its like.")
    tracks = []
    for name, match in found.items():
        tracks.append(
            Track(
                name=name,
                values=as_float32(read_matrix(files.path(name), name, len(CHANNELS))),
                channels=CHANNELS,
                label=name_of(match[1], ACTIVITIES),
                subject=f"p{match[2]}",
                rate=RATE,
            )
        )
    return Found(tracks, ["Activities and people are read off the paths, a01/p1/s01.txt."])


DSADS = Layout(
    name="dsads",
    what="DSADS",
    recognises=lambda files: bool(files.matching(_FILE)),
    read=_read,
)
