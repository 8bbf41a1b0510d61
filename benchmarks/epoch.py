"""A whole training epoch: martlet's loop against the plain loop of torchvision's reference.

    python benchmarks/epoch.py FOLDER [--models shufflenet_v2_x1_0 mobilenet_v2] [--rounds 3]

torchvision: its own network, ImageFolder and DataLoader, RandomResizedCrop and flip, SGD, in the
default memory format: its reference's train_one_epoch without the logger. martlet: the same
structure, pixel cache, channels-last memory, fused optimiser; and once more with torch.compile,
whose compile time is reported apart. Same pictures, batch, threads and number of workers. Epochs
are taken in turns after one that warms up; the median over the rounds is reported.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torchvision
from pipeline import BATCH, CROP_SCALE, torchvision_loader
from record import write_rows

from martlet.data.batches import TrainBatches
from martlet.data.cache import PixelCache
from martlet.data.loader import TrainLoader
from martlet.data.pictures.augment import augmented, build_augment
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.read import scan
from martlet.data.pictures.to_input import ToInput
from martlet.models import create_model
from martlet.tasks.classification import CLASSIFICATION
from martlet.training.loop import train_step
from martlet.training.recipe import Recipe
from martlet.training.state import State
from martlet.workflows.allocator import keep_freed_memory

SIZE = 224
RECIPE = Recipe(
    optimizer="sgd",
    epochs=1,
    batch_size=BATCH,
    lr=0.01,
    warmup_epochs=0.0,
    weight_decay=1e-4,
    label_smoothing=0.0,
    drop_rate=0.0,
    crop_scale=CROP_SCALE,
    compile="off",
)


def reference(folder: Path, name: str, classes: int, workers: int) -> Callable[[int], None]:
    """An epoch as torchvision's references/classification/train.py does it."""
    loader = torchvision_loader(folder, SIZE, workers)
    model = torchvision.models.get_model(name, num_classes=classes).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    criterion = torch.nn.CrossEntropyLoss()

    def run(_: int) -> None:
        for inputs, labels in loader:
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()

    return run


def ours(
    cache: PixelCache, preprocess: Preprocess, name: str, workers: int, compiled: bool
) -> Callable[[int], None]:
    """An epoch of martlet's loop."""
    batches = TrainBatches(
        cache,
        cache.labels,
        range(len(cache)),
        preprocess=preprocess,
        augment=partial(augmented, build_augment(SIZE, crop_scale=CROP_SCALE)),
        batch_size=BATCH,
        seed=0,
    )
    loader, to_input = TrainLoader(batches, workers), ToInput(preprocess)
    model = create_model(name, num_classes=len(cache.classes))
    state = State(model.to(memory_format=torch.channels_last).train(), RECIPE)
    forward = torch.compile(state.model, dynamic=False) if compiled else state.model

    def run(epoch: int) -> None:
        for pixels, labels in loader.epoch(epoch):
            train_step(forward, CLASSIFICATION, state.optimizer, RECIPE, to_input(pixels), labels)

    return run


def main() -> None:
    """Time all in turns; write benchmarks/results/epoch.csv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="+", default=["shufflenet_v2_x1_0", "mobilenet_v2"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep-freed-memory", action="store_true", help="as martlet train does")
    given = parser.parse_args()
    if given.keep_freed_memory:
        keep_freed_memory()
    preprocess = Preprocess(size=SIZE)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        cache = PixelCache.build(scan(given.folder), preprocess, folder=Path(scratch))
        pictures = len(cache) // BATCH * BATCH
        for name in given.models:
            torch.manual_seed(0)
            sides = {
                "torchvision": reference(given.folder, name, len(cache.classes), given.workers),
                "martlet": ours(cache, preprocess, name, given.workers, compiled=False),
                "martlet compiled": ours(cache, preprocess, name, given.workers, compiled=True),
            }
            spent: dict[str, list[float]] = {side: [] for side in sides}
            for epoch in range(given.rounds + 1):
                for side, run in sides.items():
                    started = time.perf_counter()
                    run(epoch)
                    spent[side].append(time.perf_counter() - started)
            base = statistics.median(spent["torchvision"][1:])
            for side, seconds in spent.items():
                median = statistics.median(seconds[1:])
                rows.append(
                    {
                        "model": name,
                        "loop": side,
                        "epoch_s": round(median, 2),
                        "spread_s": round(max(seconds[1:]) - min(seconds[1:]), 2),
                        "images_per_second": round(pictures / median, 1),
                        "ratio": round(base / median, 2),
                        "first_epoch_extra_s": round(seconds[0] - median, 1),
                        "threads": torch.get_num_threads(),
                        "workers": given.workers,
                    }
                )
    write_rows("epoch", rows)


if __name__ == "__main__":
    main()
