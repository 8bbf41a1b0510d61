"""The .ts format of the UEA and UCR archives: a header of @ lines, then a series a line.

Source: the archive's own description of the format; dimensions lie between ":", values between ",",
the class is last; with time stamps a value is "(time,value)".
"""

import re

import numpy as np
from numpy.typing import NDArray

from martlet.data.class_names import one_form
from martlet.data.series.layout import (
    Columns,
    Files,
    Found,
    Layout,
    Track,
    as_float32,
    given_part,
    read_text,
)
from martlet.data.series.recording import few
from martlet.data.series.timing import UNITS, unit_of
from martlet.errors import MartletError, unknown

_STAMPED = re.compile(r"\(\s*([^,()]+)\s*,\s*([^,()]+)\s*\)")


def _read(files: Files, columns: Columns) -> Found:
    names = files.ending(".ts")
    parts = {name: given_part(name) for name in names}
    stems = {re.split(r"[_\- ]", name.removesuffix(".ts"))[0] for name in names}
    if not names:
        raise MartletError(f"{files.given!r} holds no .ts file.")
    if len(names) > 1 and (None in parts.values() or len(set(parts.values())) < len(names)):
        raise MartletError(
            f"{files.given!r} holds {len(names)} .ts files ({few(names)}), which are not the "
            "_TRAIN and _TEST of one problem; give one file, or the folder of one problem."
        )
    if len(stems) > 1:
        raise MartletError(f"{files.given!r} holds several problems: {few(sorted(stems))}.")
    tracks: list[Track] = []
    unused: dict[str, None] = {}
    for name in names:
        made, declared = _read_one(read_text(files.path(name), name), name, parts[name], columns)
        there = {track.label for track in made}
        unused |= dict.fromkeys(label for label in declared if label not in there)
        tracks += made
    odd = [f"Classes that a header names and no series has: {few(list(unused))}."] if unused else []
    return Found(tracks, [], odd)


def _read_one(
    text: str, name: str, part: str | None, columns: Columns
) -> tuple[list[Track], list[str]]:
    """The series of one file, and the classes that its header names."""
    lines = list(enumerate(text.splitlines(), start=1))
    header = _header(lines, name)
    labelled, *declared = header.get("@classlabel", "").split() or ["false"]
    size = header.get("@dimensions") or header.get("@dimension", "")
    tracks: list[Track] = []
    for number, line in lines:
        if number <= int(header["@data"]) or not line.strip() or line.startswith("#"):
            continue
        where = f"{name!r}, line {number}"
        body, label = line.strip(), None
        if labelled.lower() == "true":
            body, label = _labelled(body, declared, where)
        stamped = header.get("@timestamps", "").lower() == "true"
        values, times = _stamped(body, where, columns) if stamped else (_plain(body, where), None)
        if size.isdecimal() and int(size) != values.shape[1]:
            raise MartletError(
                f"{where} has {values.shape[1]} dimensions, and the header says {size}."
            )
        channels = tuple(str(i + 1) for i in range(values.shape[1]))
        series = f"{name} #{len(tracks) + 1}"
        tracks.append(Track(series, values, channels, label=label, part=part, times=times))
    if not tracks:
        raise MartletError(f"{name!r} holds no series behind @data; it may be cut short.")
    return tracks, declared


def _header(lines: list[tuple[int, str]], name: str) -> dict[str, str]:
    """The @ lines up to @data, whose value is its line's number."""
    header: dict[str, str] = {}
    for number, line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        key, _, value = line.strip().partition(" ")
        if not key.startswith("@"):
            raise MartletError(f"{name!r} does not start with a header of @ lines.")
        header[key.lower()] = value.strip()
        if key.lower() == "@data":
            header["@data"] = str(number)
            break
    if "@data" not in header:
        raise MartletError(f"{name!r} has no line @data, so it is no .ts file, or cut short.")
    if header.get("@targetlabel", "").lower().startswith("true"):
        raise MartletError(f"{name!r} has numbers as targets (@targetLabel), and no classes.")
    return header


def _labelled(text: str, declared: list[str], where: str) -> tuple[str, str]:
    """What lies before the last ":", and the class behind it."""
    body, _, label = text.rpartition(":")
    label = one_form(label.strip())
    if not body or not label or "," in label:
        raise MartletError(f"{where}: there is no class behind the last ':'.")
    if declared and label not in declared:
        raise MartletError(f"{where}: class {label!r} is none of the header's, {few(declared)}.")
    return body, label


def _plain(body: str, where: str) -> NDArray[np.float32]:
    rows = []
    for text in body.split(":"):
        cells = ["nan" if cell.strip() in ("?", "") else cell for cell in text.split(",")]
        try:
            rows.append(as_float32(np.array(cells, dtype=np.float64)))
        except ValueError as error:
            raise MartletError(f"{where} holds what is no number ({error}).") from error
    _check_lengths([len(row) for row in rows], where)
    return np.stack(rows, axis=1)


def _stamped(
    body: str, where: str, columns: Columns
) -> tuple[NDArray[np.float32], NDArray[np.float64] | None]:
    """Values, and seconds; the unit of stamps that are numbers is asked for, or told by them."""
    dimensions = re.split(r"(?<=\))\s*:\s*", body)
    rows: list[list[float]] = []
    stamps: list[list[str]] = []
    for text in dimensions:
        pairs = _STAMPED.findall(text)
        try:
            rows.append([float("nan" if value.strip() == "?" else value) for _, value in pairs])
        except ValueError as error:
            raise MartletError(f"{where} holds what is no number ({error}).") from error
        stamps.append([stamp for stamp, _ in pairs])
    _check_lengths([len(row) for row in rows], where)
    if any(stamp != stamps[0] for stamp in stamps):
        raise MartletError(f"{where}: its dimensions have different time stamps.")
    values = as_float32(np.array(rows).T)
    if columns.time == "":
        return values, None
    try:
        times = np.array(stamps[0], dtype=np.float64)
    except ValueError:
        times = _dates(stamps[0], where)
        return values, times - times[0]
    unit = (columns.time or "").rpartition(":")[2] or unit_of(times, "time", where)
    if unit not in UNITS:
        raise unknown("unit of time", unit, list(UNITS))
    return values, (times - times[0]) * UNITS[unit]


def _dates(stamps: list[str], where: str) -> NDArray[np.float64]:
    try:
        return np.array(stamps, dtype="datetime64[us]").astype(np.int64) / 1e6
    except ValueError as error:
        raise MartletError(f"{where}: its time stamps are neither numbers nor dates.") from error


def _check_lengths(lengths: list[int], where: str) -> None:
    if len(set(lengths)) > 1 or lengths[0] == 0:
        raise MartletError(
            f"{where}: its dimensions have {', '.join(map(str, lengths))} values; all of one "
            "series have to be as long."
        )


TS_FILE = Layout(
    name="ts",
    what="series of the UEA and UCR archives (.ts)",
    recognises=lambda files: bool(files.ending(".ts")),
    read=_read,
)
