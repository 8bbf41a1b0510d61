from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from martlet.data.scenes.given_split import given_parts
from martlet.data.scenes.pixel_split import GUARD, TEST, TRAIN, VAL
from martlet.errors import MartletError

LABELS = np.array([[1, 1, 1, 6, 6], [0, 1, 6, 6, 0]], np.int32)
LEFT = np.array([[1, 1, 0, 0, 0], [1, 1, 0, 0, 0]])  # of them one has no label
TWO_COLUMNS = np.array([[1, 1, 2, 2, 2], [0, 1, 2, 2, 0]])


@pytest.mark.parametrize(
    "given",
    [
        LEFT,  # of truth values, or 1 for train
        LEFT.astype(bool),
        LEFT.astype(float),  # as MATLAB has them
        LABELS * LEFT,  # labels
        LEFT * 250,  # labels in other numbers
        {"train": LEFT},
        {"test": 1 - LEFT},
        {"train": LEFT, "test": 77 * (1 - LEFT)},
        TWO_COLUMNS,
    ],
)
def test_forms_of_one_split(given: Any) -> None:
    parts, _ = given_parts(LABELS, given)
    assert_array_equal(parts, np.where(LABELS, np.where(LEFT, TRAIN, TEST), 0))
    assert parts.dtype == np.uint8


def test_parts_of_an_own_split() -> None:
    own = np.array([[TRAIN, GUARD, TEST, VAL, TRAIN], [0, GUARD, GUARD, TEST, 0]], np.uint8)
    parts, notes = given_parts(LABELS, own)
    assert_array_equal(parts, own)
    assert notes == []


def test_what_is_in_no_part_is_left_out_and_counted() -> None:
    parts, notes = given_parts(LABELS, np.array([[1, 0, 2, 1, 2], [0, 0, 0, 0, 2]]))
    assert_array_equal(parts, [[TRAIN, GUARD, TEST, TRAIN, TEST], [0, GUARD, GUARD, GUARD, 0]])
    assert notes == [
        "Pixels of the given split that have no label, and are left out: 1 of 5.",
        "Labelled pixels in no part of the given split, and left out: 4 of 8.",
    ]


def test_labels_in_other_numbers_are_counted() -> None:
    _, notes = given_parts(LABELS, np.array([[9, 0, 0, 6, 0], [0, 0, 0, 0, 0]]))
    assert notes == [
        "The given split holds labels: its labelled pixels are taken for the training part.",
        "Training pixels whose label is another one in the given split: 1 of 2; the label map's "
        "is used.",
        "The given split has no test part: all other labelled pixels are taken for it, 6.",
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (LEFT.T, "the given split has 5×2 pixels and the label map 2×5; both must agree"),
        ({"train": LEFT[0]}, "the given map of train pixels has 5 pixels"),
        (LEFT - 1, "holds other values than whole numbers from 0"),
        (LEFT * 0.5, "holds other values than whole numbers from 0"),
        (LEFT * np.nan, "holds other values than whole numbers from 0"),
        (LEFT * 0, "has no labelled pixel to train on"),
        ({"val": LEFT}, "has no labelled pixel to train on"),
        ({}, "has no labelled pixel to train on"),
        ({"training": LEFT}, "part 'training' is not known; did you mean train"),
        (
            {"train": LEFT, "test": LEFT},
            "4 pixels are in two parts of the given split, such as row 0, column 0 in train and "
            "test",
        ),
    ],
)
def test_what_is_refused(given: Any, said: str) -> None:
    with pytest.raises(MartletError, match=said):
        given_parts(LABELS, given)
