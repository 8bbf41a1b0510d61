"""Labels that may be wrong, by what networks say that were not trained on them.

Of the orders that are in use, the loss found most of the labels that were flipped on purpose, on
two sets of answers (benchmarks/labels.py). It is the self-confidence of confident learning
(Northcutt et al. 2021, arXiv 1911.00068); the others were its margin, and either against the mean
of a class.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Suspect(NamedTuple):
    """A sample by its number: its label, what is answered instead, and both probabilities."""

    number: int
    label: int
    answer: int
    label_probability: float
    probability: float


def suspects(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> list[Suspect]:
    """The samples of which another class than the label is answered, highest loss first.

    logits (samples, classes): of networks that were not trained on the sample; labels (samples,).
    """
    if not len(labels):
        return []
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    probabilities = np.exp(shifted)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    each, answers = np.arange(len(labels)), logits.argmax(axis=1)
    own = (shifted[each, labels] - np.log(np.exp(shifted).sum(axis=1))).round(12)
    order = np.argsort(own, kind="stable")
    return [
        Suspect(
            n,
            int(labels[n]),
            int(answers[n]),
            float(probabilities[n, labels[n]]),
            float(probabilities[n, answers[n]]),
        )
        for n in order[answers[order] != labels[order]].tolist()
    ]
