import torch
from torchvision.transforms import v2

from martlet.data.pictures.augment import CropAndResize, augmented, build_augment

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


def test_the_memory_stays_channels_last() -> None:
    found = CropAndResize(32)(PICTURE[None].permute(0, 3, 1, 2))
    assert found.stride() == (32 * 32 * 3, 1, 32 * 3, 3)


def test_every_option_gives_uint8_of_the_asked_size() -> None:
    for options in (
        {},
        {"crop_scale": 1.0},
        {"flip": False},
        {"trivial_augment": True, "erase": 1.0},
    ):
        for gray in (False, True):
            picture = PICTURE[..., :1] if gray else PICTURE
            found = augmented(build_augment(24, **options), picture.numpy())
            assert found.shape == (24, 24, 1 if gray else 3)
            assert found.dtype == torch.uint8


def test_no_option_changes_nothing_but_the_size() -> None:
    plain = build_augment(40, crop_scale=1.0, flip=False)
    assert torch.equal(augmented(plain, PICTURE.numpy()), PICTURE[:, 8:48])


def test_flips_are_seen_and_can_be_turned_off() -> None:
    flipped = torch.flip(PICTURE[:, 8:48], dims=(1,))
    augment = build_augment(40, crop_scale=1.0, flip=True)
    torch.manual_seed(0)
    found = [torch.equal(augmented(augment, PICTURE.numpy()), flipped) for _ in range(64)]
    assert 16 < sum(found) < 48
