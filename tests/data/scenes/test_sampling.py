from collections import Counter

import numpy as np
import pytest

from martlet.data.scenes.pixel_split import GUARD, TEST, TRAIN, VAL, within
from martlet.data.scenes.sampling import disjoint_parts, hold_val, random_parts, training_sizes

LABELS = np.repeat(np.array([[1, 4], [4, 0]], np.int32), 15, axis=1).repeat(15, axis=0)
LABELS[-1, -3:] = 9


def counts(parts: np.ndarray, label: int) -> dict[int, int]:
    return Counter(parts[label == LABELS].tolist())


@pytest.mark.parametrize(
    ("share", "sizes"), [(0.001, [1, 1, 1]), (0.1, [22, 45, 1]), (0.99, [223, 446, 2])]
)
def test_each_class_is_trained_on_and_left(share: float, sizes: list[int]) -> None:
    found = training_sizes(LABELS, share)
    assert list(found) == [1, 4, 9]
    assert list(found.values()) == sizes


def test_a_class_of_one_pixel_is_trained_on() -> None:
    assert training_sizes(np.array([[0, 5, 6, 6]], np.int32), 0.1) == {5: 1, 6: 1}


def test_by_chance_each_class_has_its_shares() -> None:
    parts = random_parts(LABELS, {1: 22, 4: 45, 9: 1}, 0.1, seed=0)
    assert counts(parts, 0) == {0: 222}
    assert counts(parts, 1) == {TRAIN: 22, VAL: 20, TEST: 183}
    assert counts(parts, 4) == {TRAIN: 45, VAL: 40, TEST: 365}
    assert counts(parts, 9) == {TRAIN: 1, VAL: 1, TEST: 1}
    other = random_parts(LABELS, {1: 22, 4: 45, 9: 1}, 0.1, seed=1)
    both = np.count_nonzero((parts == TRAIN) & (other == TRAIN))
    assert both < 30  # about a tenth of 68
    rows = np.nonzero((parts == TRAIN) & (LABELS == 1))[0]
    assert len(set(rows.tolist())) > 8  # spread over all 15


def test_disjoint_parts_have_the_guard_between() -> None:
    parts = disjoint_parts(LABELS, {1: 22, 4: 45, 9: 1}, window=3, guard=1, seed=0, min_test=1)
    near = within(parts == TRAIN, 1) & (LABELS != 0)
    assert ((parts == TRAIN) | (parts == GUARD))[near].all()
    assert (parts[~near & (LABELS != 0)] == TEST).all()
    assert counts(parts, 9)[TEST] == 1


def test_val_is_in_blobs() -> None:
    parts = np.where(LABELS, TEST, 0).astype(np.uint8)
    hold_val(LABELS, parts, TEST, 0.04, window=5, seed=0)
    assert counts(parts, 1) == {VAL: 9, TEST: 216}
    assert counts(parts, 9) == {VAL: 1, TEST: 2}
    rows, columns = np.nonzero((parts == VAL) & (LABELS == 1))
    assert np.ptp(rows) <= 8
    assert np.ptp(columns) <= 8


def test_val_leaves_one_pixel_and_may_be_nothing() -> None:
    parts = np.where(LABELS, TEST, 0).astype(np.uint8)
    hold_val(LABELS, parts, TEST, 0.0, window=5, seed=0)
    assert not (parts == VAL).any()
    hold_val(LABELS, parts, TEST, 0.99, window=5, seed=0)
    assert counts(parts, 9) == {VAL: 2, TEST: 1}
