"""Arrays in .npz files: X (N, length, channels), y, groups; train.npz and test.npz are parts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.class_names import one_form
from martlet.data.series.layout import Columns, Files, Found, Layout, Track, as_float32, given_part
from martlet.data.series.recording import few
from martlet.data.series.timing import ACCEPTED_RATES
from martlet.errors import MartletError, shortened
from martlet.memory import require_memory

_KEYS = {"X": ("X", "x"), "y": ("y", "Y"), "groups": ("groups", "subjects")}


def _read(files: Files, columns: Columns) -> Found:
    names = files.ending(".npz")
    parts = {name: given_part(name) for name in names}
    if not names:
        raise MartletError(f"{files.given!r} holds no .npz file.")
    if len(names) > 1 and (None in parts.values() or len(set(parts.values())) < len(names)):
        raise MartletError(
            f"{files.given!r} holds {len(names)} .npz files ({few(names)}), which are not a train "
            "and a test file; give one file."
        )
    tracks: list[Track] = []
    told = []
    for name in names:
        arrays = _arrays(files, name)
        made = _tracks(arrays, name, parts[name])
        n, (length, channels) = len(made), made[0].values.shape
        told.append(f"{name!r}: X is {n} series of {length} samples and {channels} channels.")
        tracks += made
    return Found(tracks, told)


def _arrays(files: Files, name: str) -> dict[str, Any]:
    """Arrays by name; none with pickled objects is read."""
    try:
        # Opened here: numpy leaves a damaged file open.
        with open(files.path(name), "rb") as content, np.load(content) as file:
            size = sum(member.file_size for member in file.zip.infolist())
            require_memory(size, f"{name!r}, unpacked,", "give a file of fewer or smaller arrays")
            return {key: file[key] for key in file.files}
    except MartletError:
        raise
    except Exception as error:  # numpy meets damaged files with many kinds of exception
        why = shortened(str(error), 100)
        raise MartletError(f"{name!r} cannot be read as arrays ({why}).") from error


def _tracks(arrays: dict[str, Any], name: str, part: str | None) -> list[Track]:
    found = {
        key: next((arrays[other] for other in others if other in arrays), None)
        for key, others in _KEYS.items()
    }
    x = found["X"]
    shapes = ", ".join(f"{key} {array.shape}" for key, array in arrays.items())
    if x is None:
        raise MartletError(f"{name!r} has no array X (N, length, channels); it has {shapes}.")
    if x.ndim == 2:
        x = x[:, :, None]
    if x.ndim != 3 or 0 in x.shape or x.dtype.kind not in "iufb":
        raise MartletError(
            f"{name!r}: X is {x.dtype} {arrays.get('X', x).shape}; accepted are numbers of shape "
            "(N, length, channels) or (N, length)."
        )
    labels, groups = found["y"], found["groups"]
    for key, array in (("y", labels), ("groups", groups)):
        fitting = {(len(x),), x.shape[:2]} if key == "y" else {(len(x),)}
        if array is not None and array.shape not in fitting:
            raise MartletError(f"{name!r}: {key} has shape {array.shape} beside {len(x)} series.")
        if array is not None and array.dtype.kind not in "biufSU":
            raise MartletError(f"{name!r}: {key} is {array.dtype}; numbers and text are accepted.")
    people = None if groups is None else [_text(value) for value in groups]
    if people is not None and not {"", "nan"}.isdisjoint(people):
        odd = next(number for number, person in enumerate(people) if person in ("", "nan"))
        raise MartletError(f"{name!r}: groups says no subject of series {odd + 1}; fill it.")
    rate = _rate(arrays, name)
    channels = _channels(arrays, x.shape[2], name)
    codes, classes = _coded(labels)
    values = as_float32(x)
    made = []
    for number in range(len(x)):
        single = labels is not None and labels.ndim == 1
        code = int(codes[number]) if single else -1
        made.append(
            Track(
                name=f"{name} #{number + 1}",
                values=values[number],
                channels=channels,
                label=classes[code] if single and code >= 0 else None,
                codes=codes[number] if labels is not None and not single else None,
                names=classes,
                subject=None if people is None else people[number],
                part=part,
                rate=rate,
            )
        )
    return made


def _rate(arrays: dict[str, Any], name: str) -> float | None:
    if "rate" not in arrays:
        return None
    rate, (least, most) = arrays["rate"], ACCEPTED_RATES
    if rate.size != 1 or rate.dtype.kind not in "iuf" or not least <= float(rate.item()) <= most:
        raise MartletError(f"{name!r}: rate has to be one number of Hz, {least:g} to {most:g}.")
    return float(rate.item())


def _channels(arrays: dict[str, Any], number: int, name: str) -> tuple[str, ...]:
    if "channels" not in arrays:
        return tuple(str(i + 1) for i in range(number))
    names = tuple(_text(value) for value in arrays["channels"].ravel())
    if len(set(names)) != number:
        raise MartletError(f"{name!r}: channels has {len(names)} names, and X {number} channels.")
    return names


def _coded(labels: Any) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Codes, -1 for NaN and empty text, and the labels' names."""
    if labels is None:
        return np.zeros(0, np.int32), ()
    values, codes = np.unique(labels, return_inverse=True)
    names = ["" if value != value else _text(value) for value in values]
    kept = tuple(dict.fromkeys(name for name in names if name))
    new = np.array([kept.index(name) if name else -1 for name in names], np.int32)
    return new[codes].reshape(labels.shape), kept


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return one_form(value.decode("utf-8", "replace").strip())
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return one_form(str(value).strip())


NPZ_FILE = Layout(
    name="npz",
    what="arrays X, y and groups (.npz)",
    recognises=lambda files: bool(files.ending(".npz")),
    read=_read,
)
