"""Which pixels are trained, validated and tested on: drawn by chance, or kept apart by a guard."""

from collections.abc import Mapping
from math import ceil

import numpy as np
from numpy.typing import NDArray

from martlet.data.scenes.blobs import MOST_BLOBS, Draws, equal_shares, place_blobs
from martlet.data.scenes.pixel_split import GUARD, TEST, TRAIN, VAL, within

ATTEMPTS = 4  # at a disjoint split, while a class keeps too little


def training_sizes(labels: NDArray[np.int32], train_share: float) -> dict[int, int]:
    """Training pixels of each class: to the nearest one, at least one, and not all of several."""
    present, totals = np.unique(labels[labels != 0], return_counts=True)
    return {
        int(label): max(1, min(round(train_share * int(total)), int(total) - 1))
        for label, total in zip(present, totals, strict=True)
    }


def random_parts(
    labels: NDArray[np.int32], sizes: Mapping[int, int], val: float, seed: int
) -> NDArray[np.uint8]:
    """Of each class, so many pixels by chance to train on; of the others, a fraction for val."""
    parts = np.zeros(labels.size, np.uint8)
    draws = Draws(seed, 0)
    for label, size in sizes.items():
        pixels = np.flatnonzero(labels == label)
        pixels = pixels[draws.order(len(pixels))]
        stop = size + _share(len(pixels) - size, val)
        parts[pixels[:size]], parts[pixels[size:stop]], parts[pixels[stop:]] = TRAIN, VAL, TEST
    return parts.reshape(labels.shape)


def disjoint_parts(
    labels: NDArray[np.int32],
    sizes: Mapping[int, int],
    *,
    window: int,
    guard: int,
    seed: int,
    min_test: int,
) -> NDArray[np.uint8]:
    """Training pixels in blobs, what lies within `guard` of them, and all others for the test."""
    most, best = -1, np.zeros(labels.shape, np.uint8)
    for attempt in range(ATTEMPTS):
        train = place_blobs(labels, sizes, window=window, guard=guard, seed=(seed, 1, attempt))
        parts = np.where(labels, TEST, 0).astype(np.uint8)
        parts[within(train, guard) & (labels != 0)] = GUARD
        parts[train] = TRAIN
        left = np.unique(labels[parts == TEST], return_counts=True)[1]
        enough = int(np.count_nonzero(left >= min_test))
        if enough > most:
            most, best = enough, parts
        if most == len(sizes):
            break
    return best


def hold_val(
    labels: NDArray[np.int32],
    parts: NDArray[np.uint8],
    source: int,
    fraction: float,
    window: int,
    seed: int,
) -> None:
    """Move a fraction of each class's pixels of one part into val, in blobs as training has them.

    There is no guard between val and the part that it comes from.
    """
    draws = Draws(seed, 2)
    flat = parts.ravel()
    for label in np.unique(labels[labels != 0]):
        pixels = np.flatnonzero((labels == label) & (parts == source))
        size = _share(len(pixels), fraction)
        for blob in equal_shares(size, min(MOST_BLOBS, ceil(size / window**2))):
            places = np.stack(np.divmod(pixels, labels.shape[1]), 1)
            away = np.abs(places - places[int(draws.order(len(pixels))[0])]).max(1)
            near = np.argsort(away.astype(np.min_scalar_type(max(labels.shape))), kind="stable")
            flat[pixels[near[:blob]]] = VAL
            pixels = np.delete(pixels, near[:blob])


def _share(total: int, fraction: float) -> int:
    """So many of `total` pixels: at least one if any are asked for, and never all."""
    return min(max(1, round(fraction * total)), total - 1) if fraction and total else 0
