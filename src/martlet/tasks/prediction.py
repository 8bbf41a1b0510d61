"""What a network says about one picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError


@dataclass(frozen=True)
class Prediction:
    """One picture's answer, or why there is none.

    A picture that cannot be read has `error` set to one sentence, no label, and nothing in `top`:
    predictions stay in the order of the pictures asked for, one each. Where unknown ones are asked
    for, one of no known class has the label "unknown", and the best guesses stay in `top`;
    `probability` is that of the first.
    """

    path: str
    label: str = ""
    probability: float = 0.0
    top: tuple[tuple[str, float], ...] = ()  # (label, probability), most probable first
    error: str | None = None
    unknown: bool = False


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities along the last axis, in float64; shape unchanged."""
    shifted = np.asarray(logits, np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = shifted / shifted.sum(axis=-1, keepdims=True)
    return probabilities


def rank(
    path: str, logits: NDArray[np.floating], classes: Sequence[str], top: int = 5
) -> Prediction:
    """The `top` most probable classes of one picture; `logits` has shape (classes,).

    Equal probabilities keep the order of `classes`.
    """
    if logits.shape != (len(classes),):
        raise MartletError(
            f"logits of shape {logits.shape} do not fit {len(classes)} classes; "
            f"use shape ({len(classes)},)."
        )
    if top < 1:
        raise MartletError(f"top={top} is not accepted; use 1 or more.")
    if not np.isfinite(logits).all():
        return Prediction(path, error=f"the network's output for {path} is not a number.")
    probabilities = softmax(logits)
    order = np.argsort(-probabilities, kind="stable")[:top]
    ranked = tuple((classes[i], float(probabilities[i])) for i in order)
    return Prediction(path, ranked[0][0], ranked[0][1], ranked)
