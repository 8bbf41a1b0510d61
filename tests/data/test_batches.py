import os
import shutil
from collections import Counter
from collections.abc import Sequence
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from martlet.data.batches import EvalBatches, TrainBatches, seed_torch
from martlet.data.cache import PixelCache
from martlet.data.loader import TrainLoader
from martlet.data.pictures.augment import augmented, build_augment
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.read import scan
from martlet.data.share import WHOLE, Share
from martlet.errors import MartletError

PREPROCESS = Preprocess(size=16, crop_pct=1.0)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> PixelCache:
    folder = tmp_path_factory.mktemp("loader")
    for number in range(22):
        path = folder / "photos" / "ab"[number % 2] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (16 + number, 20, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return PixelCache.build(scan(folder / "photos"), PREPROCESS, folder=folder / "cache")


AUGMENT = {"trivial_augment": True, "erase": 0.5}


def batches_of(
    cache: PixelCache,
    batch_size: int,
    seed: int,
    *,
    repeats: int = 1,
    alternate: bool = False,
    indices: Sequence[int] = range(22),
    balanced: bool = False,
    share: Share = WHOLE,
    **augment: Any,
) -> TrainBatches:
    return TrainBatches(
        cache,
        cache.labels,
        indices,
        preprocess=PREPROCESS,
        augment=partial(augmented, build_augment(16, **augment)),
        batch_size=batch_size,
        seed=seed,
        repeats=repeats,
        alternate=alternate,
        balanced=balanced,
        share=share,
    )


def loader(cache: PixelCache, workers: int = 0, seed: int = 0, batch_size: int = 4) -> TrainLoader:
    batches = batches_of(cache, batch_size, seed, **AUGMENT)
    return TrainLoader(batches, workers)


def take(found: TrainLoader, epoch: int, first: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(pixels.clone(), labels.clone()) for pixels, labels in found.epoch(epoch, first)]


def equal(one: list[tuple[torch.Tensor, ...]], other: list[tuple[torch.Tensor, ...]]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a, b)
        for mine, theirs in zip(one, other, strict=True)
        for a, b in zip(mine, theirs, strict=True)
    )


def test_shapes_and_types(cache: PixelCache) -> None:
    batches = take(loader(cache), epoch=0)
    assert len(batches) == 5  # 22 pictures: the two left over wait for another epoch
    for pixels, labels in batches:
        assert pixels.shape == (4, 16, 16, 3)
        assert pixels.dtype == torch.uint8
        assert pixels.is_contiguous()
        assert labels.dtype == torch.int64


def test_same_batches_whatever_the_number_of_workers(cache: PixelCache) -> None:
    alone, helped = loader(cache), loader(cache, workers=2)
    for epoch in (0, 1, 2):  # more batches than slots: the ring comes round
        assert equal(take(alone, epoch), take(helped, epoch))


def test_an_epoch_can_start_in_its_middle(cache: PixelCache) -> None:
    whole = take(loader(cache), epoch=3)
    assert equal(take(loader(cache), 3, first=2), whole[2:])
    assert equal(take(loader(cache, workers=1), 3, first=2), whole[2:])


FEW = (*range(8), 15)  # one picture of the second class


def test_classes_are_drawn_alike_and_copies_augmented_each_in_its_way(cache: PixelCache) -> None:
    made = batches_of(cache, 8, 0, indices=FEW, balanced=True, trivial_augment=True, erase=0.5)
    ((pixels, labels),) = take(TrainLoader(made, 0), 0)
    assert Counter(labels.tolist()) == {0: 4, 1: 4}
    drawn = Counter(made.chosen((0, 0)).tolist())
    assert drawn == {15: 4, **dict.fromkeys([i for i in drawn if i != 15], 1)}
    ones = pixels[labels == 1].flatten(1)
    assert len(ones.unique(dim=0)) == 4


def test_a_balanced_epoch_can_start_in_its_middle(cache: PixelCache) -> None:
    made = batches_of(cache, 2, 0, indices=FEW, balanced=True, repeats=2)
    whole = take(TrainLoader(made, 0), 3)
    assert len(whole) == 4
    again = batches_of(cache, 2, 0, indices=FEW, balanced=True, repeats=2)
    assert equal(take(TrainLoader(again, 0), 3, first=1), whole[1:])


def test_epochs_and_seeds_differ(cache: PixelCache) -> None:
    first = take(loader(cache), 0)
    assert not equal(first, take(loader(cache), 1))
    assert not equal(first, take(loader(cache, seed=1), 0))
    assert equal(first, take(loader(cache), 0))


def test_labels_belong_to_their_pictures(cache: PixelCache) -> None:
    batches = batches_of(cache, 22, 0, crop_scale=1.0, flip=False)
    ((pixels, labels),) = TrainLoader(batches, 0).epoch(0)
    for picture, label, index in zip(pixels, labels, batches.chosen((0, 0)), strict=True):
        assert label == cache.labels[index]
        assert torch.equal(picture, torch.from_numpy(PREPROCESS.crop(cache[index]).copy()))


def test_fewer_pictures_than_a_batch_make_one_batch(cache: PixelCache) -> None:
    batches = take(loader(cache, batch_size=500), epoch=0)
    assert [len(labels) for _, labels in batches] == [22]


@pytest.mark.parametrize("read", [1, 5])
def test_workers_end_though_their_loader_is_held(cache: PixelCache, read: int) -> None:
    """Processes that outlive the loader keep Python, which waits for them, from ending."""
    found, others = loader(cache, workers=1), set(active_children())
    epoch = found.epoch(0)
    for _ in range(read):
        next(epoch)
    (worker,) = set(active_children()) - others
    try:
        found.close()
        worker.join(60)
        assert not worker.is_alive()
        found.close()
    finally:
        worker.kill()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_cache_is_one_sentence(cache: PixelCache, workers: int, tmp_path: Path) -> None:
    path = Path(shutil.copy(cache.path, tmp_path))
    found = loader(PixelCache(path, scan(cache.root)), workers)
    os.truncate(path, 40)
    with pytest.raises(MartletError, match=r"^\S+, the cache of pixels, was damaged on the disk"):
        take(found, 0)


def test_evaluation_sees_every_picture_once_in_order(cache: PixelCache) -> None:
    indices = [3, 1, 20, 7, 8]
    batches = EvalBatches(cache, cache.labels, indices, preprocess=PREPROCESS, batch_size=2)
    found = list(batches)
    assert len(batches) == len(found) == 3
    pixels = torch.cat([pixels for pixels, _ in found]).numpy()
    for picture, index in zip(pixels, indices, strict=True):
        np.testing.assert_array_equal(picture, PREPROCESS.crop(cache[index]))
    assert torch.cat([labels for _, labels in found]).tolist() == [
        cache.labels[index] for index in indices
    ]


def test_neighbouring_seeds_are_unlike() -> None:
    drawn = set()
    for numbers in ((0, 0), (0, 1, 0), (0, 1, 1), (1, 0), (0, 2, 1, 0), (2**32 - 1, 0)):
        seed_torch(*numbers)
        drawn.add(torch.rand(1).item())
    assert len(drawn) == 6


def test_an_epoch_is_shuffled_once(cache: PixelCache, monkeypatch: pytest.MonkeyPatch) -> None:
    found, shuffles, generator = loader(cache), [], np.random.default_rng
    monkeypatch.setattr(
        np.random, "default_rng", lambda seed: shuffles.append(seed) or generator(seed)
    )
    for epoch in (0, 1):
        take(found, epoch)
    assert shuffles == [(0, 0), (0, 1)]


def test_repeated_augmentation_shows_copies_that_differ(cache: PixelCache) -> None:
    """Three of each in an epoch as long as before, other pictures in the next one."""
    several = batches_of(cache, 6, 0, repeats=3, crop_scale=0.5)
    assert several.batches_per_epoch == batches_of(cache, 6, 0).batches_per_epoch
    for number in range(3):
        first, second = several.chosen((0, number)).reshape(2, 3)
        assert len(set(first)) == len(set(second)) == 1
    assert set(several.chosen((0, 0))) != set(several.chosen((1, 0)))
    pixels, _ = next(TrainLoader(several, workers=0).epoch(0))
    assert not torch.equal(pixels[0], pixels[1])
    once, _ = next(TrainLoader(batches_of(cache, 6, 0, crop_scale=0.5), workers=0).epoch(0))
    assert torch.equal(pixels[0], once[0])  # the first copy is what it would be without others


def test_alternating_flips_mirror_each_picture_in_every_second_epoch(cache: PixelCache) -> None:
    plain: dict[str, Any] = {"crop_scale": 1.0, "flip": False}
    found = batches_of(cache, 22, 0, alternate=True, **plain)
    still = batches_of(cache, 22, 0, **plain)
    mirrored = []
    for epoch in range(4):
        chosen = found.chosen((epoch, 0)).argsort()
        pixels, _ = next(TrainLoader(found, workers=0).epoch(epoch))
        expected, _ = next(TrainLoader(still, workers=0).epoch(epoch))
        assert all(
            torch.equal(a, b) or torch.equal(a, b.flip(1))
            for a, b in zip(pixels, expected, strict=True)
        )
        same = [torch.equal(a, b) for a, b in zip(pixels, expected, strict=True)]
        mirrored.append([not same[place] for place in chosen])
    assert mirrored[0] == mirrored[2] == [not one for one in mirrored[1]]
    assert mirrored[1] == mirrored[3]
    assert 4 < sum(mirrored[0]) < 18


def test_copies_and_flips_follow_from_seed_and_epoch_alone(cache: PixelCache) -> None:
    def made(workers: int) -> TrainLoader:
        options: dict[str, Any] = {"repeats": 3, "alternate": True, "rand_augment": 9}
        return TrainLoader(batches_of(cache, 4, 1, **options), workers)

    whole = take(made(0), epoch=1)
    assert equal(take(made(0), epoch=1, first=2), whole[2:])
    assert equal(take(made(2), epoch=1), whole)


def test_processes_take_the_parts_of_the_batches_of_one(cache: PixelCache) -> None:
    """The same order, and a sample's augmentation is the same wherever it is made."""

    def made(share: Share) -> list[tuple[torch.Tensor, torch.Tensor]]:
        options: dict[str, Any] = {"repeats": 4, "alternate": True, **AUGMENT}
        return take(TrainLoader(batches_of(cache, 6, 0, share=share, **options), 0), epoch=2)

    whole, parts = made(WHOLE), [made(Share(rank, 3)) for rank in range(3)]
    joined = [tuple(map(torch.cat, zip(*some, strict=True))) for some in zip(*parts, strict=True)]
    assert [len(labels) for _, labels in parts[0]] == [2] * len(whole)
    assert equal(whole, joined)
