from collections import Counter

import numpy as np
import pytest

from martlet.data.balance import balanced_order, by_class, class_weights, occurrences

LABELS = np.array([0] * 10 + [2] * 3 + [1] * 2 + [0])
GROUPS = by_class(LABELS, np.arange(15))


def test_weights_are_inverse_to_shares_and_one_in_the_mean() -> None:
    weights = class_weights(LABELS[:15], 4)
    assert weights[LABELS[:15]].mean() == pytest.approx(1)
    assert weights[:3] * np.bincount(LABELS[:15]) == pytest.approx([5, 5, 5])
    assert weights[3] == 1  # no sample
    assert class_weights(np.array([0, 1, 1, 0]), 2).tolist() == [1, 1]


def test_samples_by_class() -> None:
    assert [group.tolist() for group in GROUPS] == [[*range(10)], [13, 14], [10, 11, 12]]


@pytest.mark.parametrize("count", [15, 16, 20])
def test_each_class_is_drawn_equally(count: int) -> None:
    for epoch in range(4):
        drawn = Counter(LABELS[balanced_order(GROUPS, count, 7, epoch)])
        assert sum(drawn.values()) == count
        assert max(drawn.values()) - min(drawn.values()) <= 1
    total = Counter(np.concatenate([LABELS[balanced_order(GROUPS, count, 7, e)] for e in range(3)]))
    assert set(total.values()) == {count}


def test_a_class_is_used_up_before_any_of_it_comes_again() -> None:
    """Of a large one too, over epochs: ten samples, five draws an epoch."""
    epochs = [balanced_order(GROUPS, 15, 7, epoch) for epoch in range(4)]
    for two in (epochs[:2], epochs[2:]):
        assert Counter(i for i in np.concatenate(two) if i < 10) == dict.fromkeys(range(10), 1)
    small = Counter(i for i in epochs[0] if i >= 10)
    assert sorted(small.values()) == [1, 2, 2, 2, 3]


def test_the_order_follows_from_seed_and_epoch() -> None:
    found = [balanced_order(GROUPS, 15, seed, epoch).tolist() for seed, epoch in ((7, 1),) * 2]
    others = [balanced_order(GROUPS, 15, *key).tolist() for key in ((7, 0), (8, 1))]
    assert found[0] == found[1]
    assert found[0] not in others
    classes = LABELS[balanced_order(GROUPS, 15, 7, 1)]
    assert np.count_nonzero(np.diff(classes)) > 3  # they do not stand side by side


def test_how_often_an_index_stood_there_before() -> None:
    assert occurrences(np.array([5, 3, 5, 5, 3, 9])).tolist() == [0, 0, 1, 2, 1, 0]
