from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.ndimage import uniform_filter
from sklearn.neighbors import KNeighborsClassifier

from martlet.data.scenes.pixel_split import GUARD, TEST, TRAIN, VAL
from martlet.data.scenes.regions import split_pixels
from martlet.errors import MartletError


def fields(seed: int, block: int = 6, count: int = 8, classes: int = 3) -> np.ndarray:
    """Square fields of classes by chance, some of no class."""
    chance = np.random.RandomState(seed).randint(0, classes + 1, (count, count))
    chance[0, : classes + 1] = range(classes + 1)
    return np.kron(chance * 10, np.ones((block, block), int))


@pytest.mark.slow
@settings(max_examples=12)
@given(
    seed=st.integers(0, 9),
    window=st.sampled_from([1, 3, 5, 7]),
    share=st.sampled_from([0.01, 0.05, 0.1, 0.3]),
    val=st.sampled_from([0.0, 0.1, 0.5]),
    wider=st.integers(0, 2),
)
def test_no_held_out_pixel_lies_in_a_training_window(
    seed: int, window: int, share: float, val: float, wider: int
) -> None:
    labels, guard = fields(seed), window // 2 + wider
    split = split_pixels(labels, window=window, train_share=share, val=val, seed=seed, guard=guard)
    train = np.argwhere(split.parts == TRAIN)
    held_out = np.argwhere((split.parts == TEST) | (split.parts == VAL))
    away = np.abs(train[:, None] - held_out[None]).max(2)
    assert away.min() > guard
    lost = np.argwhere(split.parts == GUARD)
    if len(lost):
        assert (np.abs(train[:, None] - lost[None]).max(2).min(0) <= guard).all()
    assert_array_equal(split.parts == 0, labels == 0)
    for label in (10, 20, 30):
        size = np.count_nonzero(labels == label)
        assert split.counts("train")[label] == max(1, round(share * size))
        assert split.counts("test")[label] >= 1
        left = split.counts("test")[label] + split.counts("val")[label]
        asked = min(max(1, round(val * left)), left - 1) if val else 0
        assert split.counts("val")[label] == asked


def test_parts_are_numbered_along_the_rows() -> None:
    split = split_pixels(fields(0), window=3)
    whole = [split.indices(part) for part in ("train", "val", "test", "guard")]
    assert all((np.diff(indices) > 0).all() for indices in whole)
    assert_array_equal(np.sort(np.concatenate(whole)), np.flatnonzero(fields(0)))
    assert (split.parts.ravel()[whole[0]] == TRAIN).all()


def test_the_seed_decides() -> None:
    for protocol in ("disjoint", "random"):
        digests = [
            split_pixels(fields(0), window=3, protocol=protocol, seed=seed).digest
            for seed in (0, 0, 1)
        ]
        assert digests[0] == digests[1] != digests[2]


def test_a_split_is_the_same_on_any_machine() -> None:
    labels = np.arange(1, 5, dtype=np.uint8).reshape(2, 2).repeat(12, 0).repeat(12, 1)
    assert split_pixels(labels, window=5).digest == "c3616de210adb31c8568942febfee970"
    assert (
        split_pixels(labels, window=5, protocol="random").digest
        == "d8302c2a2d7671eecca51b16777f89a2"
    )


def test_a_split_can_be_given_back() -> None:
    first = split_pixels(fields(2), window=3)
    again = split_pixels(fields(2), window=3, protocol=first.parts, seed=5)
    assert again.digest == first.digest
    assert (again.protocol, again.optimistic, again.notes) == ("given", False, ())


def test_val_is_cut_out_of_what_a_given_split_trains_on() -> None:
    labels = fields(0)
    chance = split_pixels(labels, window=3, protocol="random", train_share=0.5, val=0).parts
    split = split_pixels(labels, window=3, protocol={"train": chance == TRAIN}, val=0.2)
    assert_array_equal(split.parts == TEST, chance == TEST)
    for label, count in split.counts("val").items():
        assert count == round(0.2 * np.count_nonzero(chance[labels == label] == TRAIN))
    assert any("no val part" in note for note in split.notes)
    assert any("given split is optimistic" in note for note in split.notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"window": 4}, "window=4 has no pixel at its centre; give an odd number"),
        ({"window": 0}, "window=0 has no pixel at its centre"),
        ({"window": -3}, "window=-3 has no pixel at its centre"),
        ({"window": 49}, "window=49 is larger than the scene of 48×48 pixels"),
        ({"train_share": 0.0}, "train_share=0.0 is not a fraction between 0 and 1"),
        ({"train_share": 1.0}, "train_share=1.0 is not a fraction"),
        ({"train_share": float("nan")}, "train_share=nan is not a fraction"),
        ({"val": float("nan")}, "val=nan is not a fraction"),
        ({"val": 1.0}, "val=1.0 is not a fraction"),
        ({"seed": -1}, "seed=-1 is not accepted"),
        ({"min_test": 0}, "min_test=0 is not accepted"),
        ({"guard": 0}, "guard=0 leaves test pixels in the window of training pixels.* 1"),
        ({"protocol": "disjunct"}, "protocol 'disjunct' is not known; did you mean disjoint"),
        ({"window": 47, "guard": 47}, "too few test pixels of class 'a', 20, 30 remain"),
        ({"min_test": 1000}, "too few test pixels of class 'a', 20, 30 remain with window=3"),
        ({"protocol": "random", "min_test": 1000}, "too few test pixels of class 'a', 20, 30"),
        ({"protocol": np.ones((3, 3), int)}, "3×3 pixels and the label map 48×48"),
    ],
)
def test_what_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(MartletError, match=said):
        split_pixels(fields(0), names={10: "a"}, **({"window": 3} | options))


@pytest.mark.parametrize(
    "labels",
    [np.zeros((5, 5), int), np.ones((5, 5, 1), int), np.ones((5, 5)), -np.eye(5, dtype=int)],
)
def test_labels_that_are_none(labels: np.ndarray) -> None:
    with pytest.raises(MartletError, match=r"labels of shape .* are not accepted"):
        split_pixels(labels, window=3)


def test_a_class_of_one_pixel_cannot_be_tested() -> None:
    labels = fields(0)
    labels[-1, -1] = 99
    for protocol in ("disjoint", "random"):
        with pytest.raises(MartletError, match="too few test pixels of class 99 remain"):
            split_pixels(labels, window=3, protocol=protocol)


def accuracy(protocol: str, seed: int) -> float:
    """Of test pixels in a scene of noise: each block has a label and a spectrum by chance."""
    chance, whole = np.random.RandomState(seed), np.ones((5, 5), int)
    labels = np.kron(chance.randint(1, 5, (16, 16)), whole)
    spectra = np.kron(chance.normal(size=(16, 16, 12)), whole[:, :, None])
    spectra += 0.1 * chance.normal(size=spectra.shape)
    split = split_pixels(labels, window=9, protocol=protocol, train_share=0.1, seed=seed)
    windows = uniform_filter(spectra, (9, 9, 0)).reshape(-1, 12)
    train, test = split.indices("train"), split.indices("test")
    model = KNeighborsClassifier(1).fit(windows[train], labels.ravel()[train])
    return float((model.predict(windows[test]) == labels.ravel()[test]).mean())


def test_nothing_is_learnt_of_noise_unless_windows_overlap() -> None:
    """Four classes: chance is 25 %. No block is in both parts, for it is not larger than the
    guard; its label follows from nothing else."""
    assert np.mean([accuracy("disjoint", seed) for seed in range(3)]) < 0.32
    assert np.mean([accuracy("random", seed) for seed in range(3)]) > 0.55
