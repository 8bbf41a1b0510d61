"""Batches of pictures with boxes: both change together, and any batch can be asked for first."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests import boxed

from martlet.data.boxes.augment import build_augment
from martlet.data.boxes.batches import BoxBatches
from martlet.data.boxes.preprocess import BoxPreprocess
from martlet.data.boxes.read import read_boxes
from martlet.data.boxes.samples import COLUMNS, BoxSamples
from martlet.data.loader import TrainLoader
from martlet.data.share import Share

SIZE = 16


@pytest.fixture
def samples(tmp_path: Path) -> BoxSamples:
    listing = read_boxes(*boxed.voc(tmp_path))
    return BoxSamples.build(listing, BoxPreprocess(size=SIZE), max_bad=0.0, progress=None)


def batches(samples: BoxSamples, mosaic: float = 0.0, **options: object) -> BoxBatches:
    return BoxBatches(
        samples,
        samples.targets([0, 1]),
        range(4),
        preprocess=BoxPreprocess(size=SIZE),
        augment=build_augment(SIZE, box_crop=0.5, mosaic=mosaic),
        batch_size=2,
        seed=3,
        mosaic=mosaic > 0,
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("mosaic", [0.0, 0.5])
def test_an_epoch_can_start_in_its_middle(samples: BoxSamples, mosaic: float) -> None:
    whole = [
        (pixels.clone(), targets)
        for pixels, targets in TrainLoader(batches(samples, mosaic), workers=0).epoch(1)
    ]
    assert len(whole) == 2
    for pixels, targets in whole:
        assert pixels.shape == (2, SIZE, SIZE, 3)
        assert targets.shape == (2, 12 if mosaic else 3, COLUMNS)
    ((pixels, targets),) = TrainLoader(batches(samples, mosaic), workers=0).epoch(1, first=1)
    assert torch.equal(pixels, whole[1][0])
    assert torch.equal(targets, whole[1][1])


@pytest.mark.slow
def test_workers_prepare_the_same_batches(samples: BoxSamples) -> None:
    alone = [(p.clone(), t) for p, t in TrainLoader(batches(samples, 0.5), workers=0).epoch(0)]
    loader = TrainLoader(batches(samples, 0.5), workers=2)
    try:
        for (mine, boxes), (pixels, targets) in zip(loader.epoch(0), alone, strict=True):
            assert torch.equal(mine, pixels)
            assert torch.equal(boxes, targets)
    finally:
        loader.close()


def test_targets_do_not_change_when_the_slot_is_filled_anew(samples: BoxSamples) -> None:
    loader = TrainLoader(batches(samples), workers=0)
    kept = [targets for _, targets in loader.epoch(0)]
    again = [targets.clone() for _, targets in loader.epoch(0)]
    assert all(torch.equal(a, b) for a, b in zip(kept, again, strict=True))


def test_several_processes_share_a_batch(samples: BoxSamples) -> None:
    whole = next(iter(TrainLoader(batches(samples), workers=0).epoch(0)))
    parts = [
        next(iter(TrainLoader(batches(samples, share=Share(n, 2)), workers=0).epoch(0)))
        for n in range(2)
    ]
    for mine, right in zip(zip(*parts, strict=True), whole, strict=True):
        assert torch.equal(torch.cat(mine), right)


def test_without_augmentation_targets_are_those_of_the_samples(samples: BoxSamples) -> None:
    plain = batches(samples)
    plain.change = build_augment(SIZE, flip=False)
    pixels, targets = next(iter(TrainLoader(plain, workers=0).epoch(0)))
    chosen = plain.chosen((0, 0))
    np.testing.assert_allclose(targets.numpy(), samples.targets([0, 1])[chosen])
    assert np.array_equal(pixels.numpy(), np.stack([samples[int(n)] for n in chosen]))
