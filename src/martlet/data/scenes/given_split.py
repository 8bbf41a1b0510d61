"""The parts of a split that is given as a map, in the forms that public ones have."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.scenes.contents import in_words
from martlet.data.scenes.pixel_split import GUARD, NO_CLASS, PART_VALUES, TEST, TRAIN, VAL
from martlet.errors import MartletError, unknown

Given = NDArray[Any] | Mapping[str, NDArray[Any]]


def given_parts(labels: NDArray[np.int32], given: Given) -> tuple[NDArray[np.uint8], list[str]]:
    """The part of each labelled pixel, and sentences about what was understood and left out.

    given: (rows, columns), one of
        - parts: 0 in none, 1 train, 2 test, and 3 val, 4 guard where there are any;
        - the labels of the training pixels, 0 elsewhere, told by values above 4 or by being those
          of the label map; only where they lie counts;
        - maps for some of "train", "test" and "val", each with 0 for pixels that are not in it.
      Without test pixels all that are in no part are, without training pixels likewise.
    Labelled pixels in no part are left out (GUARD). Raises MartletError for maps of other shapes,
    values that are no parts, and a pixel in two parts.
    """
    notes: list[str] = []
    if isinstance(given, Mapping):
        parts = _joined(labels, given)
    elif _are_labels(labels, given):
        parts = _joined(labels, {"train": given})
        notes += _about_labels(labels, given)
    else:
        parts = _checked(labels, given, "the given split").astype(np.uint8)
    unlabelled = np.count_nonzero((parts != NO_CLASS) & (labels == 0))
    if unlabelled:
        notes.append(
            f"Pixels of the given split that have no label, and are left out: {unlabelled:,} of "
            f"{np.count_nonzero(parts):,}."
        )
    parts[labels == 0] = NO_CLASS
    rest = (labels != 0) & (parts == NO_CLASS)
    has_train, has_test = (parts == TRAIN).any(), (parts == TEST).any()
    if not has_train and not has_test:
        raise MartletError(
            "the given split has no labelled pixel to train on, and none to test on."
        )
    if has_train and has_test:
        if rest.any():
            left, of = np.count_nonzero(rest), np.count_nonzero(labels)
            notes.append(
                f"Labelled pixels in no part of the given split, and left out: {left:,} of {of:,}."
            )
        parts[rest] = GUARD
    else:
        missing, value = ("test", TEST) if has_train else ("train", TRAIN)
        notes.append(
            f"The given split has no {missing} part: all other labelled pixels are taken for it, "
            f"{np.count_nonzero(rest):,}."
        )
        parts[rest] = value
    return parts, notes


def _checked(labels: NDArray[np.int32], values: NDArray[Any], what: str) -> NDArray[Any]:
    if values.shape != labels.shape:
        raise MartletError(
            f"{what} has {in_words(values.shape)} pixels and the label map "
            f"{in_words(labels.shape)}; both must agree."
        )
    whole = values.dtype.kind in "bui" or (
        values.dtype.kind == "f" and bool((values == np.rint(values)).all())
    )
    if not whole or values.min() < 0 or not np.isfinite(values).all():
        raise MartletError(f"{what} holds other values than whole numbers from 0 on.")
    return values


def _joined(labels: NDArray[np.int32], maps: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
    accepted = {"train": TRAIN, "test": TEST, "val": VAL}
    parts = np.zeros(labels.shape, np.uint8)
    for part, values in maps.items():
        if part not in accepted:
            raise unknown("part", part, list(accepted))
        inside = _checked(labels, values, f"the given map of {part} pixels") != 0
        both = np.count_nonzero(inside & (parts != NO_CLASS))
        if both:
            row, column = (int(one[0]) for one in np.nonzero(inside & (parts != NO_CLASS)))
            other = next(name for name, value in PART_VALUES.items() if value == parts[row, column])
            raise MartletError(
                f"{both:,} pixels are in two parts of the given split, such as row {row}, column "
                f"{column} in {other} and {part}; every pixel may be in one."
            )
        parts[inside] = accepted[part]
    return parts


def _are_labels(labels: NDArray[np.int32], values: NDArray[Any]) -> bool:
    """Whether a map holds the labels of some pixels, and not parts."""
    inside = (_checked(labels, values, "the given split") != 0) & (labels != 0)
    return bool(values.max() > GUARD or (inside.any() and (values == labels)[inside].all()))


def _about_labels(labels: NDArray[np.int32], values: NDArray[Any]) -> list[str]:
    inside = (values != 0) & (labels != 0)
    notes = ["The given split holds labels: its labelled pixels are taken for the training part."]
    other = np.count_nonzero((values != labels)[inside])
    if other:
        notes.append(
            f"Training pixels whose label is another one in the given split: {other:,} of "
            f"{np.count_nonzero(inside):,}; the label map's is used."
        )
    return notes
