"""The answers of overlapping windows become stretches of one label each."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Stretch:
    """Samples `first` to `stop` - 1, the class they are of, and its mean probability there."""

    first: int
    stop: int
    label: int
    probability: float


def stretches(
    probabilities: NDArray[np.float64],
    starts: NDArray[np.int64],
    window: int,
    length: int,
    shortest: int,
) -> list[Stretch]:
    """The timeline of a recording of `length` samples, whose ends all have a label.

    probabilities: (windows, classes); starts: the first sample of each window, ascending.

    Each sample has the mean probabilities of the windows that hold it, and those behind the last
    window have its own. The most probable class is the label. Then the shortest stretch of fewer
    than `shortest` samples takes the label of a neighbour, of the two the one more probable in it,
    until there is none left.
    """
    bounds = np.unique(np.concatenate([starts, starts + window, [0, length]]))
    bounds = bounds[bounds <= length]
    first = np.searchsorted(bounds, starts)
    behind = np.searchsorted(bounds, starts + window)
    sums = np.zeros((len(bounds), probabilities.shape[1] + 1))
    counted = np.column_stack([probabilities, np.ones(len(starts))])
    np.add.at(sums, first, counted)
    np.subtract.at(sums, behind, counted)
    sums = sums.cumsum(0)[:-1]
    held = np.flatnonzero(sums[:, -1] > 0.5)
    nearest = held[np.clip(np.searchsorted(held, np.arange(len(sums)), "right") - 1, 0, None)]
    means = sums[nearest, :-1] / np.rint(sums[nearest, -1:])
    weights = means * np.diff(bounds)[:, None]
    labels = means.argmax(1)
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    runs = [(a, b, int(labels[a])) for a, b in pairwise(edges)]
    runs = _without_short(runs, bounds, weights, shortest)
    return [
        Stretch(
            int(bounds[a]),
            int(bounds[b]),
            label,
            float(weights[a:b, label].sum() / (bounds[b] - bounds[a])),
        )
        for a, b, label in runs
    ]


def _without_short(
    runs: list[tuple[int, int, int]],
    bounds: NDArray[np.int64],
    weights: NDArray[np.float64],
    shortest: int,
) -> list[tuple[int, int, int]]:
    """Runs of cells (first, stop, label); short ones are given to a neighbour, shortest first."""
    runs = list(runs)
    while len(runs) > 1:
        sizes = [int(bounds[b] - bounds[a]) for a, b, _ in runs]
        at = sizes.index(min(sizes))
        if sizes[at] >= shortest:
            break
        a, b, _ = runs[at]
        beside = [other for other in (at - 1, at + 1) if 0 <= other < len(runs)]
        label = max((runs[other][2] for other in beside), key=lambda n: weights[a:b, n].sum())
        joined = [(a, b, label)]
        if at > 0 and runs[at - 1][2] == label:
            joined.insert(0, runs[at - 1])
        if at + 1 < len(runs) and runs[at + 1][2] == label:
            joined.append(runs[at + 1])
        start = at - (joined[0] != (a, b, label))
        runs[start : start + len(joined)] = [(joined[0][0], joined[-1][1], label)]
    return runs
