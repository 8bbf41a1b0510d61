"""Classes of which some have few samples: weights for a loss, and an order that draws all alike."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BALANCE = 1  # no other seed of martlet.data has four numbers that end in it
Indices = NDArray[np.int64]


def class_weights(labels: Indices, classes: int) -> NDArray[np.float32]:
    """A weight for each of so many classes, inverse to its share of these labels (N,).

    Their mean over the labels is one, so that a rate fits as it does without; classes without a
    label have one, too.
    """
    counts = np.bincount(labels, minlength=classes)
    present = np.count_nonzero(counts)
    weights = np.ones(classes)
    np.divide(len(labels), present * counts, out=weights, where=counts > 0)
    return weights.astype(np.float32)


def by_class(labels: Indices, indices: Indices) -> list[Indices]:
    """The indices of each class that has any; labels: of all samples (N,)."""
    own = labels[indices]
    return [indices[own == label] for label in np.unique(own)]


def balanced_order(groups: Sequence[Indices], count: int, seed: int, epoch: int) -> Indices:
    """Indices for an epoch of `count` draws, of each group as many, give or take one.

    A group is drawn from without replacement until all of it was drawn, over epochs too; then anew,
    in another order. Follows from (seed, epoch) alone.
    """
    draws = np.arange(epoch * count, (epoch + 1) * count)  # of the run; the groups take turns
    chosen = np.empty(count, np.int64)
    for number, group in enumerate(groups):
        own = draws % len(groups) == number
        rounds, places = np.divmod(draws[own] // len(groups), len(group))
        drawn = np.empty(len(places), np.int64)
        for turn in np.unique(rounds):
            order = np.random.default_rng((seed, number, turn, BALANCE)).permutation(group)
            drawn[rounds == turn] = order[places[rounds == turn]]
        chosen[own] = drawn
    return np.random.default_rng((seed, epoch)).permutation(chosen)


def occurrences(order: Indices) -> Indices:
    """How often each index stands further ahead in the order (N,)."""
    sorting = np.argsort(order, kind="stable")
    _, starts, counts = np.unique(order[sorting], return_index=True, return_counts=True)
    found = np.empty(len(order), np.int64)
    found[sorting] = np.arange(len(order)) - np.repeat(starts, counts)
    return found
