from typing import Any

import numpy as np
import pytest
import torch

from martlet.data.batches import AUGMENT, seed_torch
from martlet.data.series.augment import build_augment, sensors_of
from martlet.data.series.kind import USUAL, augment
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.errors import MartletError
from martlet.training.recipe import Recipe

CHANNELS = ("acc_x", "gyr_x", "acc_y", "gyr_y", "acc_z", "gyr_z", "pulse")
ACC, GYR = [0, 2, 4], [1, 3, 5]
LENGTH = 64
PREPROCESS = SeriesPreprocess(
    channels=CHANNELS,
    rate=50.0,
    window=LENGTH,
    stride=32,
    mean=(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 60.0),
    std=(1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 10.0),
)
WINDOW = np.random.default_rng(0).normal(PREPROCESS.mean, PREPROCESS.std, (LENGTH, 7))
WINDOW = WINDOW.astype(np.float32)


def drawn(number: int, window: np.ndarray = WINDOW, **options: Any) -> np.ndarray:
    """The outcomes of so many draws, (number, window, channels)."""
    transform = build_augment(PREPROCESS, **options)
    torch.manual_seed(0)
    return torch.stack([transform(window) for _ in range(number)]).numpy()


def test_nothing_asked_for_changes_nothing() -> None:
    assert np.array_equal(drawn(1)[0], WINDOW)


def test_the_window_itself_is_never_written_to() -> None:
    before = WINDOW.copy()
    drawn(8, half_turns=1.0, rotation=30, time_warp=0.2, time_crop=0.5, scaling=0.3, jitter=0.2)
    assert np.array_equal(before, WINDOW)


def test_draws_follow_from_torchs_seed() -> None:
    transform = build_augment(PREPROCESS, **USUAL, half_turns=0.5, drop_channels=0.3)
    found = []
    for sample in (3, 4, 3):
        seed_torch(0, AUGMENT, 7, sample)
        found.append(transform(WINDOW))
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])


def test_half_turns_are_the_three_around_the_axes_and_leave_other_channels() -> None:
    found = drawn(300, half_turns=0.75)
    assert np.array_equal(found[..., 6], np.broadcast_to(WINDOW[:, 6], (300, LENGTH)))
    ways = [tuple(np.sign(one[0, ACC] / WINDOW[0, ACC]).astype(int)) for one in found]
    assert {way: 40 < ways.count(way) < 110 for way in set(ways)} == {
        (1, 1, 1): True,
        (1, -1, -1): True,
        (-1, 1, -1): True,
        (-1, -1, 1): True,
    }


def test_all_sensors_of_a_device_turn_together_and_keep_lengths() -> None:
    for one in drawn(20, half_turns=0.5, rotation=180):
        dots = (one[:, ACC] * one[:, GYR]).sum(1)
        np.testing.assert_allclose(dots, (WINDOW[:, ACC] * WINDOW[:, GYR]).sum(1), atol=1e-3)
        np.testing.assert_allclose(
            np.linalg.norm(one[:, ACC], axis=1), np.linalg.norm(WINDOW[:, ACC], axis=1), rtol=1e-4
        )


def test_a_turn_is_no_mirror_image() -> None:
    """The volume that three vectors span keeps its sign."""
    expected = np.linalg.det(WINDOW[:3, ACC])
    for one in drawn(20, half_turns=0.5, rotation=180):
        assert np.linalg.det(one[:3, ACC]) == pytest.approx(expected, rel=1e-3)


def test_rotation_stays_within_its_angle() -> None:
    before = WINDOW[0, ACC] / np.linalg.norm(WINDOW[0, ACC])
    after = drawn(300, rotation=20)[:, 0, ACC]
    angles = np.degrees(np.arccos(after @ before / np.linalg.norm(after, axis=1)))
    assert 15 < angles.max() <= 20.01
    assert angles.min() < 2


def test_speeds_vary_around_one_and_time_never_turns_back() -> None:
    ramp = np.repeat(np.arange(LENGTH, dtype=np.float32)[:, None], 7, 1)
    found = drawn(300, ramp, time_warp=0.2)[..., 0]
    steps = np.diff(found, axis=1)
    assert steps.min() >= 0
    spans = found[:, -1] - found[:, 0]
    assert spans.max() == LENGTH - 1
    assert 40 < spans.min() < 55
    whole = found[(found[:, 0] > 0) | (found[:, -1] < LENGTH - 1)]
    assert np.any(np.ptp(np.diff(whole, axis=1), axis=1) > 0.2)  # the speed changes on the way


def test_a_crop_is_drawn_out_to_the_whole_window() -> None:
    ramp = np.repeat(np.arange(LENGTH, dtype=np.float32)[:, None], 7, 1)
    found = drawn(300, ramp, time_crop=0.5)[..., 0]
    spans = (found[:, -1] - found[:, 0]) / (LENGTH - 1)
    assert 0.5 <= spans.min() < 0.53
    assert 0.97 < spans.max() <= 1
    assert found[:, 0].min() < 1
    assert found[:, 0].max() > 25
    assert np.ptp(np.diff(found, axis=1), axis=1).max() < 1e-4  # one speed each


def test_scaling_and_jitter_are_in_deviations_of_each_channel() -> None:
    mean, std = np.array(PREPROCESS.mean), np.array(PREPROCESS.std)
    found = (drawn(400, scaling=0.3) - mean) / std
    factors = (found / ((WINDOW - mean) / std))[:, 0]
    np.testing.assert_allclose(factors.std(0), 0.3, atol=0.04)
    np.testing.assert_allclose(factors.mean(0), 1.0, atol=0.06)
    noise = (drawn(50, jitter=0.2) - WINDOW) / std
    np.testing.assert_allclose(noise.std((0, 1)), 0.2, atol=0.02)


def test_a_channel_left_out_is_at_its_mean() -> None:
    found = drawn(400, drop_channels=0.3)
    out = np.all(found == np.float32(PREPROCESS.mean), axis=1)
    np.testing.assert_allclose(out.mean(0), 0.3, atol=0.08)
    there = np.where(out[:, None], WINDOW, found)
    np.testing.assert_allclose(there, np.broadcast_to(WINDOW, found.shape), atol=1e-4)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_windows_of_a_few_samples(length: int) -> None:
    found = drawn(4, WINDOW[:length], time_warp=0.5, time_crop=0.1)
    assert found.shape == (4, length, 7)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("x", "y", "z"), ((0, 1, 2),)),
        (("accZ", "accY", "accX"), ((2, 1, 0),)),
        (("hand_acc16_x", "hand_acc6_x", "hand_acc16_y", "hand_acc16_z"), ((0, 2, 3),)),
        (("flex_x_1", "flex_y_1", "flex_z_1"), ((0, 1, 2),)),
        (("axis_x", "axis_y", "axis_z"), ((0, 1, 2),)),
        (("roll", "pitch", "yaw", "acc_x", "acc_y"), ()),
        (("1", "2", "3"), ()),
    ],
)
def test_sensors_are_known_by_names(names: tuple[str, ...], found: tuple[Any, ...]) -> None:
    assert sensors_of(names) == found


@pytest.mark.parametrize("option", [{"half_turns": 0.5}, {"rotation": 30.0}])
def test_nothing_to_turn_is_a_sentence(option: dict[str, float]) -> None:
    plain = SeriesPreprocess(
        channels=("1", "2"), window=8, stride=4, mean=(0.0, 0.0), std=(1.0, 1.0)
    )
    with pytest.raises(MartletError, match=f"{next(iter(option))}=.*acc_x.*channels are 1, 2"):
        augment(plain, Recipe(**option).filled(0.0, 10))


def test_the_recipe_decides() -> None:
    torch.manual_seed(0)
    plain = augment(PREPROCESS, Recipe().filled(0.0, 10))
    assert np.array_equal(plain(WINDOW).numpy(), WINDOW)
    usual = augment(PREPROCESS, Recipe().filled(0.0, 10, usual=USUAL))
    assert not np.array_equal(usual(WINDOW).numpy(), WINDOW)
    off = {"time_warp": 0.0, "scaling": 0.0, "jitter": 0.0}
    asked = augment(PREPROCESS, Recipe(**off).filled(0.0, 10, usual=USUAL))
    assert np.array_equal(asked(WINDOW).numpy(), WINDOW)
