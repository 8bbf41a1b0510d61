"""WISDM: lines "user,activity,time,x,y,z;", time in nanoseconds, at 20 Hz, many of them broken.

`WISDM_ar_v1.1_raw.txt`, or a folder of `data_1600_accel_phone.txt` with one sensor's files.
"""

import re
from itertools import pairwise

import numpy as np

from martlet.data.class_names import one_form
from martlet.data.series.layout import Columns, Files, Found, Layout, Track, as_float32, read_text
from martlet.errors import MartletError

RATE = 20.0  # Hz
CHANNELS = ("x", "y", "z")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RECORD = re.compile(
    rf"\s*(\d+)\s*,\s*([^,;]+?)\s*,\s*(\d{{1,18}})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})"
    r"\s*,?\s*"
)
_FILE = r"(?:WISDM_\w*v[\d.]+_raw|data_\d+_(accel|gyro)_(phone|watch))\.txt"


def _read(files: Files, columns: Columns) -> Found:
    found = files.matching(_FILE)
    names = list(found) or files.ending(".txt")
    sensors = sorted({f"{match[2]}/{match[1]}" for match in found.values() if match[1]})
    if len(sensors) > 1:
        raise MartletError(
            f"{files.given!r} holds files of several sensors ({', '.join(sensors)}), whose times "
            "differ; give the folder of one."
        )
    tracks: list[Track] = []
    broken = 0
    example = ""
    activities = _activities(files)
    for name in names:
        made, bad, first = _tracks(read_text(files.path(name), name), name, activities)
        tracks += made
        broken += bad
        example = example or first
    if not tracks:
        raise MartletError(f"{files.given!r} holds no line of the form user,activity,time,x,y,z;.")
    odd = [f"Broken lines, left out: {broken:,}, such as {example!r}."] if broken else []
    return Found(tracks, ["Users and activities are read off the lines."], odd)


def _tracks(text: str, name: str, activities: dict[str, str]) -> tuple[list[Track], int, str]:
    """One for each run of a user's lines; how many records are broken, and the first of them."""
    users: list[str] = []
    codes: list[int] = []
    stamps: list[int] = []
    values: list[tuple[float, float, float]] = []
    place: dict[str, int] = {}
    broken, example = 0, ""
    for record in re.split(r"[;\n]", text):  # a line may hold several, or lack its ";"
        match = _RECORD.fullmatch(record)
        if match is None:
            if record.strip(" \t\r,"):
                broken += 1
                example = example or record.strip()[:60]
            continue
        user, activity, stamp, x, y, z = match.groups()
        users.append(user)
        codes.append(place.setdefault(activity, len(place)))
        stamps.append(int(stamp))
        values.append((float(x), float(y), float(z)))
    names = tuple(activities.get(key, one_form(key)) for key in place)
    changes = [i for i in range(1, len(users)) if users[i] != users[i - 1]]
    bounds = [0, *changes, len(users)] if users else []
    seen: dict[str, int] = {}
    made = []
    for first, stop in pairwise(bounds):
        user = users[first]
        seen[user] = seen.get(user, 0) + 1
        times = np.array(stamps[first:stop], np.int64) - stamps[first]
        made.append(
            Track(
                name=f"{name} {user}" + (f" #{seen[user]}" if seen[user] > 1 else ""),
                values=as_float32(np.array(values[first:stop])),
                channels=CHANNELS,
                codes=np.array(codes[first:stop], np.int32),
                names=names,
                subject=user,
                rate=RATE,
                times=times.astype(np.float64) * 1e-9,
            )
        )
    return made, broken, example


def _activities(files: Files) -> dict[str, str]:
    """Letter -> name, from lines such as "walking = A"; nothing where there is no such file."""
    names = files.matching(r"activity_key\.txt")
    if not names:
        return {}
    name = next(iter(names))
    pairs = [line.split("=") for line in read_text(files.path(name), name).splitlines()]
    return {pair[1].strip(): pair[0].strip() for pair in pairs if len(pair) == 2}


WISDM = Layout(
    name="wisdm",
    what="WISDM, its raw text",
    recognises=lambda files: bool(files.matching(_FILE)),
    read=_read,
)
