"""Whether a classifier's probabilities can be believed: what it promises against what it keeps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as Guo et al. have them (arXiv 1706.04599, section 4)


@dataclass(frozen=True)
class Reliability:
    """Samples in bins of their confidence, the probability of the answer; empty bins are left out.

    low, high: the edges of each bin.
    count: samples of each bin.
    confidence, accuracy: means over its samples, 0..1.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of the two, a sample at a time."""
        if not self.count.sum():
            return float("nan")
        return float(np.average(np.abs(self.confidence - self.accuracy), weights=self.count))


def reliability(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], bins: int = BINS
) -> Reliability:
    """In bins of equal width; the upper edge belongs to a bin (arXiv 1706.04599, equation 2).

    probabilities: (samples, classes); labels: (samples,).
    """
    edges = np.linspace(0, 1, bins + 1)
    sure, right = _sure_and_right(probabilities, labels)
    number = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, bins - 1)
    count = np.bincount(number, minlength=bins)
    held = count > 0
    sums = [np.bincount(number, weights=values, minlength=bins)[held] for values in (sure, right)]
    confidence, accuracy = (total / count[held] for total in sums)
    return Reliability(edges[:-1][held], edges[1:][held], count[held], confidence, accuracy)


def adaptive_error(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], bins: int = BINS
) -> float:
    """The calibration error in bins of equally many samples, by confidence (arXiv 1508.05154).

    Most answers of a good network lie in the last two bins of equal width; here each bin counts.
    """
    sure, right = _sure_and_right(probabilities, labels)
    order = np.argsort(sure, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    apart = [abs(sure[part].mean() - right[part].mean()) * len(part) for part in parts]
    return float(sum(apart) / len(order)) if parts else float("nan")


def calibration(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, Any]:
    """ece and ece_adaptive, 0..1; brier: Brier's score over all classes, 0..2 (1950, equation 2).

    probabilities: (samples, classes); labels: (samples,). Each is better the lower it is.
    """
    true = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    squares = (probabilities**2).sum(axis=1) - 2 * true + 1
    return {
        "ece": reliability(probabilities, labels).error,
        "ece_adaptive": adaptive_error(probabilities, labels),
        "brier": float(squares.mean()),
    }


def _sure_and_right(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each sample: the probability of its answer, and 1 where that is right."""
    answers = probabilities.argmax(axis=1)
    sure = np.take_along_axis(probabilities, answers[:, None], axis=1)[:, 0]
    return sure, (answers == labels).astype(np.float64)
