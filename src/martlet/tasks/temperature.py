"""One number that logits are divided by, so that their softmax can be believed.

Guo et al. (arXiv 1706.04599, section 4.2): the temperature of the lowest cross entropy on samples
that did not move the weights. It changes no answer, since all logits are divided by the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.arguments import checked
from martlet.errors import MartletError

LOWEST, HIGHEST = 0.05, 20.0  # what is fitted lies between them
FEWEST = 20  # samples that one is fitted on
CHUNK = 1 << 16  # samples whose logits are in memory as float64 at a time


@dataclass(frozen=True)
class Temperature:
    """What logits are divided by, the samples that it was fitted on, or why none was: then 1."""

    value: float = 1.0
    samples: int = 0
    why: str = ""  # "" for a fitted one; else the end of a sentence: "because …"


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> Temperature:
    """The temperature between LOWEST and HIGHEST of the lowest cross entropy.

    logits: (samples, classes); labels: (samples,).

    None is fitted, and the value is 1, where the samples do not decide one: fewer than FEWEST; all
    named right, where the lowest would be the best however low it is; all named wrong, where the
    highest would; and where none is better than 1.
    """
    from scipy.optimize import minimize_scalar

    right = int((logits.argmax(axis=1) == labels).sum()) if len(labels) else 0
    why = ""
    if len(labels) < FEWEST:
        why = f"there are fewer than {FEWEST} to fit one on"
    elif right in (0, len(labels)):
        why = f"all {len(labels):,} are named {'right' if right else 'wrong'}, which decides none"
    elif not np.isfinite(logits).all():
        why = "an output is not a number"
    if why:
        return Temperature(why=why)

    def cross_entropy(log_temperature: float) -> float:
        return _cross_entropy(logits, labels, float(np.exp(log_temperature)))

    # Convex in 1 / temperature, and so with one valley in its logarithm.
    limits = float(np.log(LOWEST)), float(np.log(HIGHEST))
    found = minimize_scalar(cross_entropy, bounds=limits, method="bounded", options={"xatol": 1e-6})
    if not found.fun < cross_entropy(0.0):
        return Temperature(why="no other than 1 is better")
    return Temperature(float(np.clip(np.exp(found.x), LOWEST, HIGHEST)), len(labels))


def divided(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """The logits of any shape at this temperature, float32; 1 leaves every bit."""
    return logits if temperature == 1 else logits / np.float32(temperature)


def temperature_of(header: Mapping[str, Any]) -> float:
    """Of a file's header, 1 in one from before; raises MartletError for one that none can be."""
    value: float = checked("temperature", header.get("temperature", 1.0), float)
    if not LOWEST <= value <= HIGHEST:
        raise MartletError(f"temperature={value} is not accepted; give {LOWEST} to {HIGHEST:g}.")
    return value


def _cross_entropy(
    logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float
) -> float:
    """Its mean over the samples."""
    from scipy.special import logsumexp

    total = 0.0
    for start in range(0, len(labels), CHUNK):
        part = logits[start : start + CHUNK].astype(np.float64) / temperature
        true = part[np.arange(len(part)), labels[start : start + CHUNK]]
        total += float((logsumexp(part, axis=1) - true).sum())
    return total / len(labels)
