from typing import Literal

import pytest
import torch
from torchvision.transforms import v2

from martlet.data.pictures.augment import CropAndResize, PadAndCrop, augmented, build_augment

PICTURE = torch.randint(0, 256, (40, 56, 3), dtype=torch.uint8, generator=torch.manual_seed(0))


def channels_first(picture: torch.Tensor) -> torch.Tensor:
    return picture.permute(2, 0, 1).contiguous()


def test_crops_are_torchvisions() -> None:
    theirs = v2.RandomResizedCrop(32, scale=(0.35, 1.0), antialias=True)
    ours = CropAndResize(32, scale=(0.35, 1.0))
    for seed in range(20):
        torch.manual_seed(seed)
        expected = theirs(channels_first(PICTURE))
        torch.manual_seed(seed)
        found = ours(PICTURE[None].permute(0, 3, 1, 2))[0]
        assert (found.int() - expected.int()).abs().max() <= 1  # rounding of another kernel


@pytest.mark.parametrize("mode", ["reflect", "constant"])
@pytest.mark.parametrize("channels", [1, 3])
def test_padded_crops_are_torchvisions(mode: str, channels: int) -> None:
    theirs = v2.RandomCrop(40, padding=6, padding_mode=mode)
    ours = PadAndCrop(40, padding=6, padding_mode=mode)
    picture = PICTURE[..., :channels]
    for seed in range(20):
        torch.manual_seed(seed)
        expected = theirs(channels_first(picture))
        torch.manual_seed(seed)
        assert torch.equal(ours(picture[None].permute(0, 3, 1, 2))[0], expected)


def test_a_picture_of_the_inputs_size_is_not_resized(monkeypatch: pytest.MonkeyPatch) -> None:
    square = PICTURE[:, :40]
    expected = CropAndResize(40, scale=(1.0, 1.0), ratio=(1.0, 1.0))
    known = torch.nn.functional.interpolate(
        channels_first(square)[None], size=(40, 40), mode="bilinear", antialias=True
    )
    monkeypatch.setattr(torch.nn.functional, "interpolate", None)
    assert torch.equal(expected(square[None].permute(0, 3, 1, 2)), known)
    for options in ({"crop_scale": 1.0}, {"pad_crop": 4}):
        found = augmented(build_augment(40, **options), square.numpy())
        assert found.shape == (40, 40, 3)


@pytest.mark.parametrize("options", [{}, {"pad_crop": 4}])
def test_the_memory_stays_channels_last(options: dict[str, int]) -> None:
    found = build_augment(32, **options)(PICTURE[None].permute(0, 3, 1, 2))
    assert found.stride()[1:] == (1, 32 * 3, 3)


def test_every_option_gives_uint8_of_the_asked_size() -> None:
    for options in (
        {},
        {"crop_scale": 1.0},
        {"flip": False},
        {"trivial_augment": True, "erase": 1.0},
        {"pad_crop": 4, "color_jitter": 0.4},
        {"pad_crop": 4, "pad_mode": "zero", "rand_augment": 9, "rand_augment_ops": 3},
    ):
        for gray in (False, True):
            picture = PICTURE[..., :1] if gray else PICTURE
            found = augmented(build_augment(24, **options), picture.numpy())
            assert found.shape == (24, 24, 1 if gray else 3)
            assert found.dtype == torch.uint8


def test_no_option_changes_nothing_but_the_size() -> None:
    plain = build_augment(40, crop_scale=1.0, flip=False)
    assert torch.equal(augmented(plain, PICTURE.numpy()), PICTURE[:, 8:48])


def test_padding_is_the_picture_mirrored_or_black() -> None:
    pixels = torch.full((8, 8, 3), 100, dtype=torch.uint8).numpy()
    darkest: dict[str, int] = {}
    modes: tuple[Literal["reflect", "zero"], ...] = ("reflect", "zero")
    for mode in modes:
        augment = build_augment(8, pad_crop=4, pad_mode=mode, flip=False)
        torch.manual_seed(0)
        darkest[mode] = min(int(augmented(augment, pixels).min()) for _ in range(8))
    assert darkest == {"reflect": 100, "zero": 0}


def test_randaugment_is_torchvisions() -> None:
    theirs = v2.RandAugment(num_ops=3, magnitude=12)
    ours = build_augment(40, crop_scale=1.0, flip=False, rand_augment=12, rand_augment_ops=3)
    square = PICTURE[:, 8:48]
    for seed in range(8):
        torch.manual_seed(seed)
        expected = theirs(channels_first(square)[None])[0].permute(1, 2, 0)
        torch.manual_seed(seed)
        assert torch.equal(augmented(ours, square.numpy()), expected)


def test_jitter_of_colours_changes_them_by_at_most_its_share() -> None:
    gray = torch.full((8, 8, 3), 100, dtype=torch.uint8).numpy()  # contrast, saturation: no change
    augment = build_augment(8, crop_scale=1.0, flip=False, color_jitter=0.4)
    torch.manual_seed(0)
    found = [int(augmented(augment, gray)[0, 0, 0]) for _ in range(64)]
    assert 58 <= min(found) < 75 < 125 < max(found) <= 142


def test_flips_are_seen_and_can_be_turned_off() -> None:
    flipped = torch.flip(PICTURE[:, 8:48], dims=(1,))
    augment = build_augment(40, crop_scale=1.0, flip=True)
    torch.manual_seed(0)
    found = [torch.equal(augmented(augment, PICTURE.numpy()), flipped) for _ in range(64)]
    assert 16 < sum(found) < 48
