"""Time stamps: their unit, the rate they say, and uneven ones brought onto an even grid."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}  # in seconds
RATES = (5.0, 1000.0)  # Hz, between which a unit follows from the distances; 1000 not included
ACCEPTED_RATES = (1e-3, 1e6)  # Hz
EVEN = 0.5  # of a distance: stamps that stray less are jitter of the clock, not of the samples
SAME_RATE = 0.01  # rates that differ by less are one rate
_NAMED = re.compile(
    r"(?:time|timestamps?|time[_ ]?stamp|datetime|date|elapsed|t)(?:[ _(\[.]*(s|sec|seconds?|ms|"
    r"millis(?:ec(?:onds)?)?|us|µs|micros(?:econds)?|ns|nanos(?:econds)?)[)\]]*)?",
    re.IGNORECASE,
)
_UNIT_NAMES = re.compile(
    r"(s|seconds?|sec|ms|millis\w*|us|µs|micros\w*|ns|nanos\w*)", re.IGNORECASE
)


def is_time(column: str) -> bool:
    """Whether a column of this name holds time stamps."""
    return bool(_NAMED.fullmatch(column) or re.fullmatch(r"millis\w*|seconds", column, re.I))


def unit_named(column: str) -> str | None:
    """The unit that a column's name ends with: "time_ms", "Time (s)", "MILLISEC"."""
    match = _NAMED.fullmatch(column)
    text = match[1] if match else column
    if not text or not _UNIT_NAMES.fullmatch(text):
        return None
    first = text.lower()
    if first.startswith("millis"):
        return "ms"
    return {"s": "s", "m": "ms" if first == "ms" else "us", "u": "us", "µ": "us", "n": "ns"}[
        first[0]
    ]


def unit_of(stamps: NDArray[np.float64], column: str, where: str) -> str:
    """The unit in which neighbours' distances make a rate from 5 to 1,000 Hz.

    Raises MartletError where none does, or there is no distance to look at.
    """
    steps = np.diff(stamps)
    steps = steps[steps > 0]
    step = float(np.median(steps)) if len(steps) else 0.0
    fitting = [
        unit
        for unit, seconds in UNITS.items()
        if step and RATES[0] <= 1 / (step * seconds) < RATES[1]
    ]
    if len(fitting) == 1:
        return fitting[0]
    if not step:
        raise MartletError(
            f"{where!r}: time column {column!r} never goes forward, so it tells no rate; use none "
            "with time_column='', and give rate."
        )
    raise MartletError(
        f"{where!r}: time column {column!r} counts in steps of {step:g}, which tells no unit; name "
        f"it, for example time_column='{column}:ms' (accepted: {', '.join(UNITS)})."
    )


def own_rate(times: NDArray[np.float64]) -> float | None:
    """Hz, of three digits: the mean distance of neighbours, without those far from the median."""
    steps = np.diff(times)
    steps = steps[steps > 0]
    if not len(steps):
        return None
    usual = float(np.median(steps))
    near = steps[(steps > 0.5 * usual) & (steps < 1.5 * usual)]  # none, of two far apart
    return float(f"{1 / (float(np.mean(near)) if len(near) else usual):.3g}")


def same_rate(one: float, other: float) -> bool:
    """Whether two rates differ by less than clocks do."""
    return abs(one - other) <= SAME_RATE * max(one, other)


@dataclass
class Stamps:
    """Counts for the sentences, over all tracks."""

    repeated: int = 0
    back: int = 0
    jumps: int = 0
    uneven: int = 0


def cut_by_time(
    times: NDArray[np.float64], rate: float, longest: int, count: Stamps
) -> list[NDArray[np.intp]]:
    """Rows of each stretch: cut where time goes back or more than `longest` samples are missing.

    Of neighbouring rows with one time the first is kept.
    """
    rows = np.flatnonzero(np.concatenate([[True], np.diff(times) != 0]))
    count.repeated += len(times) - len(rows)
    steps = np.diff(times[rows])
    back, jump = steps < 0, np.rint(steps * rate) - 1 > longest
    count.back += int(back.sum())
    count.jumps += int(jump.sum())
    return np.split(rows, np.flatnonzero(back | jump) + 1)


def even(
    values: NDArray[np.float32],
    codes: NDArray[np.int32] | None,
    times: NDArray[np.float64],
    rate: float,
    count: Stamps,
) -> tuple[NDArray[np.float32], NDArray[np.int32] | None]:
    """As they are where stamps keep within half a distance, else interpolated at even distances.

    Linear interpolation: a filter would need even distances already, and what it would keep out
    lies above what uneven samples can show. The grid starts at the first time; labels are those of
    the nearest row.
    """
    strays = np.abs(np.diff(times) * rate - 1)
    if not len(strays) or float(strays.max()) < EVEN:
        return values, codes
    count.uneven += 1
    length = int(np.floor((times[-1] - times[0]) * rate + 1e-6)) + 1
    grid = times[0] + np.arange(length) / rate
    made = np.empty((length, values.shape[1]), np.float32)
    for channel in range(values.shape[1]):
        made[:, channel] = np.interp(grid, times, values[:, channel])
    if codes is None:
        return made, None
    middles = (times[1:] + times[:-1]) / 2
    return made, codes[np.searchsorted(middles, grid)]


def resample(
    values: NDArray[np.float32], codes: NDArray[np.int32] | None, rate: float, wanted: float
) -> tuple[NDArray[np.float32], NDArray[np.int32] | None]:
    """From `rate` to `wanted` Hz by polyphase filtering; labels of the nearest sample.

    A filter, since what lies above half the new rate would else be folded into it. Beyond the ends
    the signal goes on along the line between them: zeros would bend gravity's channels.
    """
    from scipy.signal import resample_poly

    up, down = ratio(rate, wanted)
    length = len(values)
    if length < 2:
        return values, codes
    made = resample_poly(values.astype(np.float64), up, down, axis=0, padtype="line")
    nearest = np.minimum((np.arange(len(made)) * down + up // 2) // up, length - 1)
    return made.astype(np.float32), None if codes is None else codes[nearest]


def ratio(rate: float, wanted: float) -> tuple[int, int]:
    """`wanted / rate` as a fraction of small numbers. Raises MartletError beyond 1 to 100."""
    if not 0.01 <= wanted / rate <= 100:
        raise MartletError(
            f"rate={wanted:g} is too far from the {rate:g} Hz of the recordings; up to a hundred "
            "times more or less is accepted."
        )
    exact = Fraction(wanted / rate).limit_denominator(1000 if wanted < rate else 100)
    return exact.numerator, exact.denominator


def at_odds(rates: Sequence[tuple[str, float | None]]) -> tuple[str, str] | None:
    """The first two names whose rates are different ones; None when all have the same."""
    for name, rate in rates[1:]:
        first_name, first = rates[0]
        both = rate is not None and first is not None
        if (rate is None) != (first is None) or (both and not same_rate(rate, first)):  # type: ignore[arg-type]
            return first_name, name
    return None
