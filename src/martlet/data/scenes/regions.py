"""Labelled pixels of a scene are split into train, val and test, by regions or by chance.

A network that labels a pixel sees a window around it. When pixels are split by chance, nearly every
test pixel lies in the window of a training pixel, so it was seen in training. `disjoint` keeps a
guard between both, of half a window or more. Which pixel goes where follows from the label map and
the seed alone.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.scenes.contents import in_words
from martlet.data.scenes.given_split import Given, given_parts
from martlet.data.scenes.pixel_split import TEST, TRAIN, VAL, PixelSplit
from martlet.data.scenes.sampling import disjoint_parts, hold_val, random_parts, training_sizes
from martlet.data.scenes.split_notes import check_counts, notes_about
from martlet.errors import MartletError, unknown

PROTOCOLS = ("disjoint", "random")


def split_pixels(
    labels: NDArray[Any],
    *,
    window: int,
    protocol: str | Given = "disjoint",
    train_share: float = 0.1,
    val: float = 0.1,
    seed: int = 0,
    guard: int | None = None,
    min_test: int = 1,
    names: Mapping[int, str] | None = None,
) -> PixelSplit:
    """Put every labelled pixel into train, val or test, or leave it out.

    labels: (rows, columns), whole numbers; 0 is no class.
    window: side in pixels of what a network sees to label its centre; odd.
    protocol: "disjoint": training pixels in blobs; what lies within the guard of one is left out.
        "random": by chance, stratified, as most papers do. Or a split that is given, as
        `given_parts` describes it; train_share is then of no effect.
    train_share: of each class's pixels, to the nearest one; at least one.
    val: fraction of each class's pixels that are left, in blobs when disjoint; of the training
        pixels when a split is given without a val part.
    guard: rows and columns between blobs and held-out pixels; half a window by default. With
        window - 1 no two windows share a pixel.
    min_test: pixels of each class that must be left to test on.
    names: of the labels, for sentences.

    Raises MartletError for values out of range, for a window or a given map that does not fit, and
    when a class keeps too few test pixels or has no training pixel.
    """
    guard = _check(labels, window, train_share, val, seed, guard, min_test)
    labels = np.ascontiguousarray(labels, np.int32)
    notes: list[str] = []
    if not isinstance(protocol, str):
        parts, notes = _given(labels, protocol, val, window, seed)
        protocol, guard = "given", 0
    elif protocol not in PROTOCOLS:
        raise unknown("protocol", protocol, PROTOCOLS)
    else:
        sizes = training_sizes(labels, train_share)
        if protocol == "random":
            parts, guard = random_parts(labels, sizes, val, seed), 0
        else:
            parts = disjoint_parts(
                labels, sizes, window=window, guard=guard, seed=seed, min_test=min_test
            )
            hold_val(labels, parts, TEST, val, window, seed)
    split = PixelSplit(labels, parts, protocol, window, dict(names or {}), guard)
    check_counts(split, min_test)
    return replace(split, notes=(*notes, *notes_about(split)))


def _check(
    labels: NDArray[Any],
    window: int,
    train_share: float,
    val: float,
    seed: int,
    guard: int | None,
    min_test: int,
) -> int:
    """The guard; raises MartletError for what is not accepted."""
    if labels.ndim != 2 or labels.dtype.kind not in "bui" or not labels.any() or labels.min() < 0:
        raise MartletError(
            f"labels of shape {in_words(labels.shape)} and type {labels.dtype} are not accepted; "
            "give rows × columns of whole numbers from 0 on, not all of them 0."
        )
    if window < 1 or window % 2 == 0:
        raise MartletError(
            f"window={window} has no pixel at its centre; give an odd number from 1 on."
        )
    if window > min(labels.shape):
        raise MartletError(
            f"window={window} is larger than the scene of {in_words(labels.shape)} pixels; give an "
            "odd number up to its shorter side."
        )
    if not 0 < train_share < 1:
        raise MartletError(f"train_share={train_share!r} is not a fraction between 0 and 1.")
    if not 0 <= val < 1:
        raise MartletError(f"val={val!r} is not a fraction from 0 to below 1.")
    if seed < 0 or min_test < 1:
        name, value, least = ("seed", seed, 0) if seed < 0 else ("min_test", min_test, 1)
        raise MartletError(f"{name}={value} is not accepted; give a whole number from {least} on.")
    if guard is not None and guard < window // 2:
        raise MartletError(
            f"guard={guard} leaves test pixels in the window of training pixels; give at least "
            f"half a window, {window // 2}."
        )
    return window // 2 if guard is None else guard


def _given(
    labels: NDArray[np.int32], given: Given, val: float, window: int, seed: int
) -> tuple[NDArray[np.uint8], list[str]]:
    """Parts as they are given; val is cut out of the training pixels where it is not."""
    parts, notes = given_parts(labels, given)
    if val and not (parts == VAL).any():
        hold_val(labels, parts, TRAIN, val, window, seed)
        cut = np.count_nonzero(parts == VAL)
        notes.append(
            f"The given split has no val part: {cut:,} training pixels are cut out for it."
        )
    return parts, notes
