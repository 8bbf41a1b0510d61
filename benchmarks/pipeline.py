"""Training pictures per second of the input pipeline alone: martlet against torchvision.

    python benchmarks/pipeline.py FOLDER [--size 224] [--workers 2] [--rounds 3]

Both sides deliver the same thing: shuffled batches of 32, RandomResizedCrop, random flip,
normalised float32. torchvision: ImageFolder and DataLoader, as in its training reference, which
decodes every JPEG in every epoch. martlet: the pixel cache, from the second epoch on (building it
is timed and printed too). Epochs are taken in turns; the median over the rounds is reported.
"""

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from record import write_rows
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from martlet.data.batches import TrainBatches
from martlet.data.cache import PixelCache
from martlet.data.loader import TrainLoader
from martlet.data.pictures.augment import augmented, build_augment
from martlet.data.pictures.preprocess import IMAGENET_MEAN, IMAGENET_STD, Preprocess
from martlet.data.pictures.read import scan
from martlet.data.pictures.to_input import ToInput

BATCH = 32
CROP_SCALE = 0.35


def torchvision_loader(folder: Path, size: int, workers: int) -> DataLoader[Any]:
    """As torchvision's reference does it with its default (Pillow) backend."""
    steps = transforms.Compose(
        [
            transforms.RandomResizedCrop(size, scale=(CROP_SCALE, 1.0)),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )
    return DataLoader(
        ImageFolder(str(folder), steps),
        batch_size=BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def main() -> None:
    """Time both in turns; write benchmarks/results/pipeline.csv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()

    preprocess = Preprocess(size=given.size)
    with tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter()
        cache = PixelCache.build(scan(given.folder), preprocess, folder=Path(scratch))
        built = time.perf_counter() - started
        augment = partial(augmented, build_augment(given.size, crop_scale=CROP_SCALE))
        batches = TrainBatches(
            cache,
            cache.labels,
            range(len(cache)),
            preprocess=preprocess,
            augment=augment,
            batch_size=BATCH,
            seed=0,
        )
        ours, to_input = TrainLoader(batches, given.workers), ToInput(preprocess)
        theirs = torchvision_loader(given.folder, given.size, given.workers)
        pictures = len(ours) * BATCH

        def run_ours(epoch: int) -> None:
            for pixels, _ in ours.epoch(epoch):
                assert to_input(pixels).shape == (BATCH, 3, given.size, given.size)

        def run_theirs(_: int) -> None:
            for inputs, _ in theirs:
                assert inputs.shape == (BATCH, 3, given.size, given.size)

        speeds: dict[str, list[float]] = {"torchvision": [], "martlet": []}
        for epoch in range(given.rounds + 1):  # the first round starts workers, warms file caches
            for name, run in (("torchvision", run_theirs), ("martlet", run_ours)):
                started = time.perf_counter()
                run(epoch)
                if epoch:
                    speeds[name].append(pictures / (time.perf_counter() - started))
    base = statistics.median(speeds["torchvision"])
    rows = [
        {
            "pipeline": name,
            "images_per_second": round(statistics.median(found), 1),
            "slowest": round(min(found), 1),
            "fastest": round(max(found), 1),
            "ratio": round(statistics.median(found) / base, 2),
            "workers": given.workers,
            "size": given.size,
            "pictures": len(cache),
            "cache_built_s": round(built, 2) if name == "martlet" else "",
        }
        for name, found in speeds.items()
    ]
    write_rows("pipeline", rows)


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
