"""Missing samples: short gaps are bridged by lines, long ones cut the recording."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError

SLOW = 2.0  # a channel with a value in every second row, or fewer, has a slower sensor


@dataclass
class Missing:
    """Counts for the sentences, over all tracks; values, not rows.

    cut_by: long gaps of each channel.
    slow: channels with values in less than half of the rows, and every how many rows they have one.
    """

    values: int = 0
    bridged: int = 0
    cut: int = 0
    cut_by: dict[str, int] = field(default_factory=dict)
    slow: dict[str, int] = field(default_factory=dict)

    def most_cut(self) -> list[str]:
        """Channels with long gaps, those with the most first."""
        return sorted(self.cut_by, key=lambda name: (-self.cut_by[name], name))


def check_channels(values: NDArray[np.float32], channels: tuple[str, ...], where: str) -> None:
    """Raises MartletError for a channel without a single value, with the file's name."""
    if not len(values):
        raise MartletError(f"{where!r} holds no samples; remove it, or give one that does.")
    empty = [channels[i] for i in np.flatnonzero(~np.isfinite(values).any(axis=0))]
    if empty:
        shown = ", ".join(repr(name) for name in empty[:5])
        more = f" and {len(empty) - 5} more" if len(empty) > 5 else ""
        many = f"channels {shown}{more} are" if len(empty) > 1 else f"channel {shown} is"
        raise MartletError(
            f"{where!r}: {many} missing throughout; choose others by channels, or leave the file "
            "out."
        )


def usual_intervals(
    values: NDArray[np.float32], channels: tuple[str, ...], count: Missing
) -> NDArray[np.float64]:
    """Every how many rows each channel has a value: 1 for most, 10 for a slower sensor's."""
    every = np.ones(values.shape[1])
    missing = ~np.isfinite(values)
    for channel in np.flatnonzero(missing.any(axis=0)):
        there = np.flatnonzero(~missing[:, channel])
        if len(there) > 1:
            every[channel] = np.median(np.diff(there))
        if every[channel] >= SLOW:
            name = channels[channel]
            count.slow[name] = max(count.slow.get(name, 0), round(every[channel]))
    return every


def bridge(
    values: NDArray[np.float32],
    channels: tuple[str, ...],
    every: NDArray[np.float64],
    longest: int,
    count: Missing,
    times: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
    """Values without gaps of up to `longest` samples, and the rows between longer ones.

    Of a channel that has a value in `every` k-th row alone, as a slower sensor's, gaps of up to 2 k
    rows are bridged too. At the ends, where there is no line to draw, the nearest value is held.
    Rows: (first, stop) of each piece, ascending; one of all rows where nothing is missing.
    """
    missing = ~np.isfinite(values)
    if not missing.any():
        return values, [(0, len(values))]
    at = np.arange(len(values), dtype=np.float64) if times is None else times
    values = values.copy()
    lost = np.zeros(len(values), dtype=bool)
    for channel in np.flatnonzero(missing.any(axis=0)):
        slow = every[channel] >= SLOW
        accepted = max(longest, 2 * every[channel] if slow else 0)
        gone = missing[:, channel]
        there = np.flatnonzero(~gone)
        long, gaps = _longer(gone, accepted)
        if not len(there):  # no value in this stretch of time to hold or to draw a line from
            long, gaps = gone, 1
        lost |= long
        if gaps:
            name = channels[channel]
            count.cut_by[name] = count.cut_by.get(name, 0) + gaps
        short = gone & ~long
        if short.any():
            values[short, channel] = np.interp(at[short], at[there], values[there, channel])
        if not slow:  # between a slower sensor's values nothing is missing
            count.bridged += int(short.sum())
        count.values += int((long if slow else gone).sum())
    edges = np.flatnonzero(np.diff(np.concatenate([[True], lost, [True]]).astype(np.int8)))
    count.cut += int(lost.sum())
    return values, [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _longer(gone: NDArray[np.bool_], accepted: float) -> tuple[NDArray[np.bool_], int]:
    """The rows of gaps of more than `accepted` rows, and how many such gaps there are."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], gone, [False]]).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    long = stops - starts > accepted
    rows = np.zeros(len(gone), dtype=bool)
    for start, stop in zip(starts[long], stops[long], strict=True):
        rows[start:stop] = True
    return rows, int(long.sum())
