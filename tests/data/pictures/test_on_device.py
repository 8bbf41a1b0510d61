"""Batches that are cropped and mirrored on the device; here the CPU is the device."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torchvision.transforms import v2

from martlet.data.batches import TrainBatches
from martlet.data.cache import PixelCache
from martlet.data.pictures.on_device import (
    Boxes,
    DeviceLoader,
    PicturesOnDevice,
    middle_boxes,
    random_boxes,
)
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.read import scan
from martlet.data.share import WHOLE, Share
from martlet.training import loop
from martlet.training.recipe import Recipe

SIZE = 16


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> PixelCache:
    """Pictures of different shapes."""
    folder = tmp_path_factory.mktemp("device")
    for number in range(18):
        path = folder / "photos" / "ab"[number % 2] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (SIZE + number % 5, SIZE + number, 3)
        pixels = np.random.default_rng(number).integers(0, 256, shape, np.uint8)
        Image.fromarray(pixels).save(path)
    preprocess = Preprocess(size=SIZE, crop_pct=1.0)
    return PixelCache.build(scan(folder / "photos"), preprocess, folder=folder / "cache")


def loader(cache: PixelCache, share: Share = WHOLE, **options: Any) -> DeviceLoader:
    recipe = Recipe(augment_on="device", **options).filled(0.0, 6)
    batches = TrainBatches(
        cache,
        cache.labels,
        range(1, len(cache)),
        preprocess=Preprocess(size=SIZE, crop_pct=1.0),
        augment=lambda pixels: torch.from_numpy(pixels),
        batch_size=6,
        seed=3,
        repeats=recipe.repeated_augmentation,
        alternate=recipe.flip_alternating,
        share=share,
    )
    return DeviceLoader(batches, SIZE, recipe, "cpu")


def test_boxes_are_drawn_as_torchvision_draws_them() -> None:
    """Mean and spread of place, area and ratio, for pictures that are wide, high, and very wide."""
    torch.manual_seed(0)
    transform = v2.RandomResizedCrop(8, scale=(0.3, 1.0))
    number = 4000
    for height, width in ((40, 60), (64, 48), (20, 200)):
        picture = torch.empty(1, height, width)
        drawn = [transform.make_params([picture]) for _ in range(number)]
        right = np.array([[d["top"], d["left"], d["height"], d["width"]] for d in drawn], float)
        sides = np.full(number, height), np.full(number, width)
        found = random_boxes(*sides, 0.3, np.random.default_rng(0))
        mine = np.stack(found, 1).astype(float)
        assert (mine[:, :2] >= 0).all()
        assert (mine[:, 0] + mine[:, 2] <= height).all()
        assert (mine[:, 1] + mine[:, 3] <= width).all()
        for one, other in ((mine, right), (mine[:, 2] * mine[:, 3], right[:, 2] * right[:, 3])):
            spread = np.maximum(other.std(0), 0.5)
            assert (np.abs(one.mean(0) - other.mean(0)) < 5 * spread / number**0.5 * 2**0.5).all()
            assert (np.abs(one.std(0) - other.std(0)) < 0.06 * spread).all()


def test_middle_boxes_are_squares_in_the_middle() -> None:
    found = middle_boxes(np.array([10, 7]), np.array([6, 11]))
    assert np.stack(found, 1).tolist() == [[2, 0, 6, 6], [0, 2, 7, 7]]


@pytest.mark.parametrize("mirrored", [False, True])
def test_resized_parts_are_torchs(cache: PixelCache, mirrored: bool) -> None:
    """Up to the rounding of halves; where a part is enlarged, antialiasing changes nothing."""
    pictures = PicturesOnDevice(cache, np.arange(len(cache)), "cpu")
    rng = np.random.default_rng(0)
    chosen = np.array([3, 17, 8])
    boxes = random_boxes(pictures.heights[chosen], pictures.widths[chosen], 0.4, rng)
    boxes = Boxes(boxes.top, boxes.left, np.minimum(boxes.height, 14), np.minimum(boxes.width, 13))
    made = pictures.resized(chosen, boxes, np.array([mirrored] * 3), SIZE)
    for number, (index, top, left, height, width) in enumerate(zip(chosen, *boxes, strict=True)):
        part = torch.from_numpy(cache[index])[top : top + height, left : left + width]
        planes = part.permute(2, 0, 1)[None].float()
        right = F.interpolate(planes, SIZE, mode="bilinear")[0].permute(1, 2, 0)
        right = right.flip(1) if mirrored else right
        assert (made[number].float() - right).abs().max() <= 0.51


@pytest.mark.parametrize("mode", ["reflect", "constant"])
def test_padded_parts_are_torchs(cache: PixelCache, mode: str) -> None:
    pictures = PicturesOnDevice(cache, np.arange(len(cache)), "cpu")
    chosen, corners = np.array([2, 11]), np.array([[-3, 2], [4, -2]])
    made = pictures.padded(chosen, corners, np.array([False, True]), SIZE, mode == "reflect")
    for number, index in enumerate(chosen):
        planes = torch.from_numpy(cache[index]).permute(2, 0, 1)[None].float()
        around = F.pad(planes, (4, 4, 4, 4), mode=mode)[0].permute(1, 2, 0)
        top, left = corners[:, number] + 4
        right = around[top : top + SIZE, left : left + SIZE]
        assert torch.equal(made[number].float(), right.flip(1) if number else right)


CHOICES: list[dict[str, Any]] = [
    {},
    {"crop_scale": 1.0, "flip": False},
    {"pad_crop": 2, "repeated_augmentation": 3},
    {"flip_alternating": True},
]


@pytest.mark.parametrize("options", CHOICES)
def test_an_epoch_can_start_in_its_middle_and_be_shared(
    cache: PixelCache, options: dict[str, Any]
) -> None:
    whole = list(loader(cache, **options).epoch(1))
    assert [(pixels.shape, pixels.dtype) for pixels, _ in whole] == [
        ((6, 16, 16, 3), torch.uint8)
    ] * 2
    parts = [list(loader(cache, Share(n, 2), **options).epoch(1, first=1)) for n in range(2)]
    for mine, right in zip(zip(*(part[0] for part in parts), strict=True), whole[1], strict=True):
        assert torch.equal(torch.cat(mine), right)
    pixels, targets = next(iter(loader(cache, **options).epoch(2)))
    assert not torch.equal(pixels, whole[0][0])
    assert targets.shape == (6,)


def test_half_of_all_pictures_are_mirrored(cache: PixelCache) -> None:
    """Each by itself; with flip_alternating each in every second epoch."""
    turned = {}
    for name, options in {"chance": {}, "alternating": {"flip_alternating": True}}.items():
        still = loader(cache, crop_scale=1.0, flip=False)
        made = loader(cache, crop_scale=1.0, **options)
        turned[name], seen = np.zeros((40, len(cache)), bool), 0
        for epoch in range(40):
            for number in range(2):
                chosen = made.batches.whole((epoch, number))
                pair = made.pixels((epoch, number)), still.pixels((epoch, number))
                same = (pair[0] == pair[1]).flatten(1).all(1).numpy()
                assert torch.equal(pair[0][~same], pair[1].flip(2)[~same])
                turned[name][epoch, chosen] = ~same
                seen += len(same)
        assert 0.44 < turned[name].sum() / seen < 0.56
    for picture in range(1, len(cache)):
        epochs = np.flatnonzero(turned["alternating"][:, picture])
        assert len(set(epochs % 2)) == 1


@pytest.mark.slow
def test_a_run_on_the_device_resumes_bit_for_bit(
    quick: Any, same_weights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = quick(name="whole", augment_on="device", epochs=2, crop_scale=0.6)
    monkeypatch.setattr(loop, "SAVE_SECONDS", -1.0)
    step, steps = loop.train_step, []

    def stopping(*given: Any, **named: Any) -> Any:
        steps.append(1)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return step(*given, **named)

    monkeypatch.setattr(loop, "train_step", stopping)
    with pytest.raises(KeyboardInterrupt):
        quick(name="run", augment_on="device", epochs=2, crop_scale=0.6)
    again = quick(name="run", augment_on="device", epochs=2, crop_scale=0.6, resume=True)
    assert same_weights(again.folder, whole.folder)


def test_other_augmentation_is_refused_there() -> None:
    with pytest.raises(ValueError, match=r"augment_on='device' crops and mirrors alone, and erase"):
        Recipe(augment_on="device", erase=0.5)
