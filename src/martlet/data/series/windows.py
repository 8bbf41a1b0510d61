"""Recordings cut into windows, each of one activity: views, no copies."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from martlet.data.series.duration import Duration, parse_duration
from martlet.data.series.recording import NOTHING, Recording, Recordings, few
from martlet.errors import MartletError


@dataclass(frozen=True)
class Windows:
    """Windows of `window` samples, in the order of the recordings and of time.

    stride: samples from one window's start to the next one's.
    recording: int64 (N,), index in `recordings`; starts: int64 (N,), first sample there.
    labels: int64 (N,), index in `recordings.classes`, or `NOTHING`.
    odd: sentences, with counts, about what no window holds.
    """

    recordings: Recordings
    window: int
    stride: int
    recording: NDArray[np.int64] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)
    odd: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> NDArray[np.float32]:
        """Float32 (window, channels), a view of the recording: not to be written to."""
        start = int(self.starts[index])
        return self.recordings[int(self.recording[index])].values[start : start + self.window]

    @property
    def subjects(self) -> list[str | None]:
        """The subject of each window."""
        return [self.recordings[int(n)].subject for n in self.recording]

    @property
    def groups(self) -> list[str]:
        """Of each window what one part alone may hold: its subject, else its recording."""
        return [self.recordings[int(n)].group for n in self.recording]

    @property
    def parts(self) -> list[str | None]:
        """The part that each window was given."""
        return [self.recordings[int(n)].part for n in self.recording]

    @property
    def names(self) -> list[str]:
        """Recording and samples of each: "walk/sub_1.csv @ 0:128"."""
        ends = zip(self.recording, self.starts, strict=True)
        return [f"{self.recordings[int(n)].name} @ {s}:{s + self.window}" for n, s in ends]


def cut_windows(
    recordings: Recordings,
    *,
    window: str | float,
    stride: str | float | None = None,
    labelled: bool = True,
) -> Windows:
    """Windows of one activity each; those of nothing, or across a change, are left out.

    window, stride: a time ("2.56s", "500ms") or a number of samples; stride is half a window where
        it is not given. Each stretch of one activity is cut from its start on.
    labelled: False cuts every recording from its start on, whatever its labels: for predictions.

    Raises MartletError for lengths that are none, and when there is no window at all.
    """
    size = _samples(parse_duration("window", window), recordings.rate)
    step = -(-size // 2)
    if stride is not None:
        step = _samples(parse_duration("stride", stride), recordings.rate)
    starts, owners, labels = [], [], []
    short, brief = [], Counter[str]()
    for number, item in enumerate(recordings):
        if len(item) < size:
            short.append(f"{item.name} ({len(item)})")
            continue
        for first, stop, label in _stretches(item, labelled):
            if stop - first < size:
                brief[recordings.classes[label]] += 1
                continue
            begins = np.arange(first, stop - size + 1, step)
            starts.append(begins)
            owners.append(np.full(len(begins), number))
            labels.append(np.full(len(begins), label))
    if not starts:
        raise _none(recordings, size, labelled)
    made = np.concatenate(labels).astype(np.int64)
    return Windows(
        recordings,
        size,
        step,
        np.concatenate(owners).astype(np.int64),
        np.concatenate(starts).astype(np.int64),
        made,
        tuple(_odd(recordings, size, short, brief, made if labelled else None)),
    )


def _samples(length: Duration, rate: float | None) -> int:
    samples = length.samples(rate)
    if samples < 1:
        at = "" if rate is None or length.seconds is None else f" at {rate:g} Hz"
        raise MartletError(f"{length.name}={length.text!r} is less than one sample{at}; give more.")
    return samples


def _stretches(item: Recording, labelled: bool) -> list[tuple[int, int, int]]:
    """First sample, end and label of each stretch of one activity."""
    whole = NOTHING if item.label is None else item.label
    if not labelled:
        return [(0, len(item), whole)]
    if item.labels is None:
        return [] if whole == NOTHING else [(0, len(item), whole)]
    changes = np.flatnonzero(np.diff(item.labels)) + 1
    bounds = [0, *(int(change) for change in changes), len(item)]
    return [
        (first, stop, int(item.labels[first]))
        for first, stop in pairwise(bounds)
        if item.labels[first] != NOTHING
    ]


def _none(recordings: Recordings, size: int, labelled: bool) -> MartletError:
    longest = max(recordings, key=len)
    if len(longest) < size:
        way_out = "a smaller window" if labelled else "longer ones, which the network asks for"
        return MartletError(
            f"no recording is as long as a window of {size} samples; the longest, "
            f"{longest.name!r}, has {len(longest)}: give {way_out}."
        )
    if labelled and not recordings.classes:
        return MartletError(
            f"no recording below {str(recordings.root)!r} has a label, so no window has one; give "
            "label_column, or folders of classes."
        )
    return MartletError(
        f"no stretch of one activity is as long as a window of {size} samples; give a smaller one."
    )


def _odd(
    recordings: Recordings,
    size: int,
    short: list[str],
    brief: Counter[str],
    labels: NDArray[np.int64] | None,
) -> list[str]:
    told = []
    if short:
        told.append(
            f"Recordings, or pieces of them, shorter than a window of {size} samples, not used: "
            f"{len(short)}: {few(short)}."
        )
    if brief:
        counts = ", ".join(f"{name} {brief[name]}" for name in recordings.classes if brief[name])
        told.append(f"Stretches of an activity shorter than a window, not used: {counts}.")
    if labels is not None:
        there = set(labels.tolist())
        without = [name for n, name in enumerate(recordings.classes) if n not in there]
        if without:
            told.append(f"Classes without a window: {few(without)}.")
    return told
