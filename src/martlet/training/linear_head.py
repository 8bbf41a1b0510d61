"""A linear classifier on pooled features, in closed form.

Ridge regression on one-hot targets. Its strength is the one with the least squared error where each
sample is answered without having been learnt from, which needs no second fit: the answer of a
sample's own left-out fit follows from its residual and its leverage (Allen's PRESS statistic, 1974;
scikit-learn's RidgeCV does the same). Copies and members of one group are left out together, by the
same formula with a matrix for the leverage. Regression answers are near 0 and 1, so they are scaled
to logits: the scale is the one with the least cross entropy of those left-out answers.

It takes a part of the time of logistic regression whose strength comes from folds.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from torch import Tensor, nn

from martlet.data.batches import ScoredBatches
from martlet.data.folds import dealt_evenly
from martlet.data.kind import ToInput
from martlet.errors import MartletError
from martlet.memory import require_memory
from martlet.models.classifier import Classifier
from martlet.training.evaluate import predict_logits

STRENGTHS = 10.0 ** np.arange(-3, 8)  # of features with deviation 1, summed over samples
LOG_SCALES = (-3.0, 6.0)
SMALLEST_SHARE = 1e-10  # of the largest eigenvalue: below are directions of rounding alone
COPIES = 4  # of the features in double precision, while they are fitted

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LinearHead:
    """weight (classes, features) and bias (classes,) of the logits; the chosen strength.

    left_out: (samples, classes) logits of each sample, of the fit without it and its like.
    """

    weight: Floats
    bias: Floats
    strength: float
    left_out: Floats

    def logits(self, features: NDArray[Any]) -> Floats:
        """(samples, classes)."""
        answers: Floats = features.astype(np.float64) @ self.weight.T + self.bias
        return answers


class Pooled(nn.Module):
    """A network up to its classifier: inputs to pooled features (batch, head_hidden_size)."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Without dropout when in eval mode."""
        return self.network.forward_head(self.network.forward_features(x), pre_logits=True)


def pooled_features(
    model: nn.Module, batches: ScoredBatches, to_input: ToInput
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Features (samples, head_hidden_size) and targets of all batches.

    Raises MartletError for a network that has none, for targets other than a class each, and for
    features that are not finite.
    """
    if not isinstance(model, Classifier) or not isinstance(model.classifier, nn.Linear):
        raise MartletError(
            f"few=True fits a linear classifier on pooled features, and {type(model).__name__} has "
            "none; leave it out."
        )
    features, targets = predict_logits(Pooled(model), batches, to_input)
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer):
        raise MartletError("few=True is for one class a sample; leave it out for this task.")
    if not np.isfinite(features).all():
        raise MartletError(
            "few=True: some features are NaN or infinite, so the first weights are damaged; give "
            "others."
        )
    return features, targets


def fit_head(
    features: NDArray[Any],
    labels: NDArray[np.integer],
    classes: int,
    keys: Sequence[str] | None = None,
) -> LinearHead:
    """The classifier for `labels` (samples,) of `classes` classes on `features` (samples, n).

    keys: samples of one key are left out together; None, or where all have the same: each alone.
    Raises MartletError when there is no memory for it.
    """
    count, width = features.shape
    require_memory(
        8 * (COPIES * count * width + min(count, width) ** 2),
        f"few=True with {count:,} inputs of {width} features",
        "take a part of them, or a narrower network",
    )
    x = features.astype(np.float64)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    deviation[deviation < 1e-6 * max(1e-6, deviation.max())] = 1.0
    x = (x - mean) / deviation
    targets = np.eye(classes)[labels]
    shares = targets.mean(axis=0)
    along, values, directions = _principal(x)
    on_targets = along.T @ (targets - shares)
    groups = _alike(keys)
    strength, error, left_out = 0.0, np.inf, targets
    for each in STRENGTHS:
        fitted = along @ (on_targets / (values + each)[:, None]) + shares
        halves = np.hstack([along / np.sqrt(values + each), np.full((count, 1), count**-0.5)])
        without = targets - _without(halves, targets - fitted, groups)
        found = float(((targets - without) ** 2).mean())
        if found < error:
            strength, error, left_out = float(each), found, without
    scale = _scale(left_out, labels)
    weight = (directions @ (on_targets / (values + strength)[:, None])).T / deviation
    bias = shares - weight @ mean
    return LinearHead(scale * weight, scale * bias, strength, scale * left_out)


def _alike(keys: Sequence[str] | None) -> list[NDArray[np.intp]]:
    """The samples of each key that several have."""
    if keys is None:
        return []
    _, numbers, sizes = np.unique(np.asarray(keys), return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        return []
    order = np.argsort(numbers, kind="stable")
    found = np.split(order, np.cumsum(sizes)[:-1])
    return [rows for rows in found if len(rows) > 1]


def _without(halves: Floats, residuals: Floats, groups: list[NDArray[np.intp]]) -> Floats:
    """What is missed of each target (samples, classes) by the fit without its sample, or group.

    halves: the hat matrix is their product with their transpose, so that a group's block of it is
    small in one of two ways: by its samples, or by its directions.
    """
    leverage = (halves**2).sum(axis=1)
    missed: Floats = residuals / np.maximum(1 - leverage, 1e-9)[:, None]
    for rows in groups:
        own, left = halves[rows], residuals[rows]
        if len(rows) <= own.shape[1]:
            missed[rows] = _solved(own @ own.T, left)
        else:  # (I - UUᵀ)⁻¹ = I + U (I - UᵀU)⁻¹ Uᵀ
            missed[rows] = left + own @ _solved(own.T @ own, own.T @ left)
    return missed


def _solved(block: Floats, right: Floats) -> Floats:
    """(I - block)⁻¹ right; a little is added, for what others say nothing of at all."""
    answer = np.linalg.solve((1 + 1e-9) * np.eye(len(block)) - block, right)
    return np.asarray(answer, np.float64)


def _principal(x: Floats) -> tuple[Floats, Floats, Floats]:
    """(samples along each principal direction, eigenvalues of xᵀx, the directions).

    By the smaller of the two products, whose eigenvalues are the same.
    """
    tall = len(x) > x.shape[1]
    values, vectors = np.linalg.eigh(x.T @ x if tall else x @ x.T)
    kept = values > SMALLEST_SHARE * max(float(values[-1]), 1e-300)
    values, vectors = values[kept], vectors[:, kept]
    if tall:
        return x @ vectors, values, vectors
    return vectors * np.sqrt(values), values, x.T @ vectors / np.sqrt(values)


def _scale(answers: Floats, labels: NDArray[np.integer]) -> float:
    """What the answers are multiplied by for the least cross entropy."""
    truth = answers[np.arange(len(labels)), labels]

    def cross_entropy(log_scale: float) -> float:
        scale = np.exp(log_scale)
        return float((logsumexp(scale * answers, axis=1) - scale * truth).mean())

    return float(np.exp(minimize_scalar(cross_entropy, bounds=LOG_SCALES, method="bounded").x))


def fold_scores(
    features: NDArray[Any],
    labels: NDArray[np.integer],
    keys: Sequence[str],
    classes: int,
    folds: int,
    seed: int,
) -> list[float]:
    """The share of right answers in each fold, by a classifier of the other folds.

    keys: what one fold alone may hold, the content of each sample, say; as many folds as there are
    keys at most.
    """
    count, scores = min(folds, len(set(keys))), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class of fewer samples than folds
        numbers = dealt_evenly(labels, keys, count, seed)
    for number in range(count):
        held = numbers == number
        rest = ~held
        others = [key for key, kept in zip(keys, rest, strict=True) if kept]
        head = fit_head(features[rest], labels[rest], classes, others)
        right = head.logits(features[held]).argmax(axis=1) == labels[held]
        scores.append(float(right.mean()))
    return scores


@torch.no_grad()
def put_head(model: nn.Module, head: LinearHead) -> None:
    """Copy the classifier into the network's."""
    classifier = model.get_submodule("classifier")
    assert isinstance(classifier, nn.Linear)
    classifier.weight.copy_(torch.from_numpy(head.weight))
    classifier.bias.copy_(torch.from_numpy(head.bias))
