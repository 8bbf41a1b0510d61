"""Whether a sample is like those that a network knows: a score of its logits, and a threshold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.arguments import checked
from martlet.errors import MartletError

UNKNOWN = "unknown"  # what an answer below the threshold is called
ENERGY, MAX_LOGIT, PROBABILITY = "energy", "max_logit", "probability"
SCORES = (ENERGY, MAX_LOGIT, PROBABILITY)
USUAL = ENERGY  # what `train` fits its threshold on; benchmarks/unknown.py compares them


@dataclass(frozen=True)
class Unknown:
    """A sample whose score is below `below` is of no known class.

    score: a name in SCORES.
    share: of the validation samples, whose classes are all known, this share lies below it.
    samples: how many of them there were.
    """

    score: str
    below: float
    share: float
    samples: int

    def __post_init__(self) -> None:
        if self.score not in SCORES:
            raise MartletError(f"unknown: score={self.score!r} is none of {', '.join(SCORES)}.")
        for name, kind in (("below", float), ("share", float), ("samples", int)):
            value = checked(f"unknown: {name}", getattr(self, name), kind)
            if not isfinite(value):
                raise MartletError(f"unknown: {name}={value!r} is not a number.")

    def is_unknown(self, logits: NDArray[np.floating], axis: int = -1) -> NDArray[np.bool_]:
        """Of logits with the classes along `axis`, divided by the temperature; without the axis."""
        found: NDArray[np.bool_] = score(self.score, logits, axis) < self.below
        return found

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> "Unknown | None":
        """What `to_dict` gave; raises MartletError for anything else. Nothing for None."""
        if values is None:
            return None
        try:
            return cls(**values)
        except TypeError as error:
            raise MartletError(f"unknown={values!r} is not accepted ({error}).") from error


def score(name: str, logits: NDArray[np.floating], axis: int = -1) -> NDArray[np.float64]:
    """How much a sample is like what the network knows, the higher the more.

    energy: the logarithm of the sum of the logits' exponentials (Liu et al., arXiv 2010.03759;
    the energy with its sign turned). max_logit: the highest logit (Hendrycks et al., arXiv
    1911.11132). Both keep how large the logits are, which a softmax takes out. probability: that of
    the answer (Hendrycks and Gimpel, arXiv 1610.02136), the baseline.
    """
    values = np.asarray(logits, np.float64)
    highest: NDArray[np.float64] = values.max(axis=axis)
    if name == MAX_LOGIT:
        return highest
    beyond = np.exp(values - np.expand_dims(highest, axis)).sum(axis=axis)
    found: NDArray[np.float64] = 1 / beyond if name == PROBABILITY else highest + np.log(beyond)
    return found


def fit_unknown(name: str, logits: NDArray[np.float32], share: float) -> Unknown | None:
    """The threshold that this share of known samples lies below, rounded down to whole samples.

    logits: (samples, classes) of samples of known classes, divided by the temperature as those are
    that it will be compared with. It lies midway between two samples, since other engines round
    otherwise. None where the share is less than one sample: the lowest of a few says nothing of
    the next one. None too for logits that are no numbers.
    """
    rejected = int(share * len(logits) + 1e-9)
    if rejected < 1 or not np.isfinite(logits).all():
        return None
    scores = np.sort(score(name, logits))
    below = (scores[rejected - 1] + scores[rejected]) / 2
    return Unknown(name, float(below), share, len(scores))
