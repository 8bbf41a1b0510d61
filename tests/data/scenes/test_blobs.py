import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from martlet.data.scenes.blobs import Draws, equal_shares, place_blobs
from martlet.data.scenes.pixel_split import within

# Two fields side by side, of 20×20 pixels each.
FIELDS = np.repeat(np.array([[1, 2]], np.int32), 20, axis=1).repeat(20, axis=0)


@settings(max_examples=15)
@given(st.integers(0, 5), st.integers(1, 60), st.integers(1, 60), st.integers(0, 6))
def test_as_many_pixels_as_are_asked_for(seed: int, one: int, two: int, guard: int) -> None:
    labels = np.where(np.random.RandomState(seed).rand(12, 14) < 0.3, 0, 1).astype(np.int32)
    labels[:, 7:] *= 2
    sizes = {
        label: min(size, int(np.count_nonzero(labels == label)) - 1)
        for label, size in ((1, one), (2, two))
    }
    train = place_blobs(labels, sizes, window=5, guard=guard, seed=(seed,))
    assert {label: np.count_nonzero(train & (labels == label)) for label in (1, 2)} == sizes
    assert np.count_nonzero(train) == sum(sizes.values())
    again = place_blobs(labels, sizes, window=5, guard=guard, seed=(seed,))
    assert (again == train).all()


def test_a_blob_lies_where_it_costs_least() -> None:
    for seed in range(4):
        train = place_blobs(FIELDS, {1: 4, 2: 4}, window=9, guard=4, seed=(seed,))
        lost = np.count_nonzero(within(train, 4))
        # Two squares of 2×2 in corners cost 36 each; in the middle of a field each costs 100.
        assert lost <= 72


def test_blobs_lean_on_each_other() -> None:
    """Where each class is in the middle of nowhere, one guard serves both."""
    labels = np.zeros((41, 40), np.int32)
    labels[10:30, 10:30] = FIELDS[:, 10:30]
    apart = place_blobs(labels, {1: 1, 2: 1}, window=19, guard=9, seed=(0,))
    rows, columns = np.nonzero(apart)
    kept = np.count_nonzero(labels[~within(apart, 9)])
    assert kept >= 200  # both in the corners of one side: half of each field
    assert abs(rows[0] - rows[1]) <= 1
    assert columns[0] != columns[1]


def test_large_classes_have_several_blobs() -> None:
    labels = np.ones((60, 60), np.int32)
    train = place_blobs(labels, {1: 180}, window=3, guard=1, seed=(0,))
    assert np.count_nonzero(within(train, 1)) > 14**2  # more than one square has
    assert equal_shares(180, 16) == [12] * 4 + [11] * 12


def test_draws_are_those_of_any_version() -> None:
    draws = Draws(3, 1)
    assert draws.order(8).tolist() == [0, 6, 2, 1, 3, 7, 4, 5]
    assert draws.some(np.arange(100, 200), 4).tolist() == [112, 104, 162, 177]
    assert sorted(draws.some(np.arange(4), 9).tolist()) == [0, 1, 2, 3]
