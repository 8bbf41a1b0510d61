import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from martlet.data.scenes.pixel_split import (
    GUARD,
    NO_CLASS,
    TEST,
    TRAIN,
    VAL,
    PixelSplit,
    within,
)
from martlet.errors import MartletError

LABELS = np.array([[1, 1, 1, 7, 7, 7], [0, 1, 1, 7, 7, 0]], np.int32)
PARTS = np.array(
    [[TRAIN, GUARD, TEST, TRAIN, GUARD, TEST], [NO_CLASS, GUARD, VAL, GUARD, GUARD, NO_CLASS]],
    np.uint8,
)


@given(st.data(), st.integers(0, 4))
def test_within_is_counted_in_rows_and_columns(data: st.DataObject, reach: int) -> None:
    sides = data.draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    cells = data.draw(st.sets(st.tuples(*(st.integers(0, side - 1) for side in sides))))
    pixels = np.zeros(sides, bool)
    for cell in cells:
        pixels[cell] = True
    expected = [
        [any(max(abs(r - row), abs(c - column)) <= reach for r, c in cells) for column in range(n)]
        for n in sides[1:]
        for row in range(sides[0])
    ]
    assert_array_equal(within(pixels, reach), expected)


def test_counts_and_indices() -> None:
    split = PixelSplit(LABELS, PARTS, "random", 3)
    assert split.indices("train").tolist() == [0, 3]
    assert split.indices("test").tolist() == [2, 5]
    assert split.indices("val").tolist() == [8]
    assert split.counts("guard") == {1: 2, 7: 3}
    assert split.counts("val") == {1: 1, 7: 0}
    assert split.kept == {1: 2 / 4, 7: 1 / 4}
    assert split.test_in_windows() == 1  # beside the 7 that is trained on
    assert split.test_in_windows(overlapping=True) == 2
    assert split.optimistic


def test_a_held_out_pixel_in_a_training_window_is_refused() -> None:
    with pytest.raises(MartletError, match="2 held-out pixels are within 1 pixels of a training"):
        PixelSplit(LABELS, PARTS, "disjoint", 3)
    apart = np.where(PARTS == TEST, GUARD, PARTS).astype(np.uint8)
    apart[1, 2] = GUARD
    apart[0, 5] = TEST
    split = PixelSplit(LABELS, apart, "disjoint", 3)
    assert not split.optimistic
    with pytest.raises(MartletError, match="1 held-out pixels are within 2"):
        PixelSplit(LABELS, apart, "disjoint", 3, guard=2)


@pytest.mark.parametrize("parts", [PARTS[:1], PARTS[::-1], PARTS * 0])
def test_parts_are_those_of_the_labelled_pixels(parts: np.ndarray) -> None:
    with pytest.raises(MartletError, match="not those of the labelled pixels"):
        PixelSplit(LABELS, parts, "random", 3)


def test_digest_tells_splits_apart() -> None:
    digest = PixelSplit(LABELS, PARTS, "random", 3).digest
    assert digest == "8c7b10c5d8d9feee474c4821e7d1bfc8"
    assert PixelSplit(LABELS.copy(), PARTS.copy(), "given", 5).digest == digest
    other = PARTS.copy()
    other[0, 1] = TEST
    assert PixelSplit(LABELS, other, "random", 3).digest != digest
    assert PixelSplit(LABELS * 2, PARTS, "random", 3).digest != digest
    turned = PixelSplit(LABELS.reshape(6, 2), PARTS.reshape(6, 2), "random", 3)
    assert turned.digest != digest
