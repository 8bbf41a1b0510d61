"""Loaders of batches, and all else that the loop of a run works on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from martlet import tasks
from martlet.data import kinds
from martlet.data.batches import TrainBatches
from martlet.data.boxes.batches import BoxBatches
from martlet.data.boxes.samples import BoxSamples
from martlet.data.kind import Samples
from martlet.data.loader import Loader, TrainLoader
from martlet.data.scenes.tiles import TileLoader
from martlet.data.series.kind import SERIES
from martlet.data.split import Split
from martlet.training.checkpoint import Header
from martlet.training.job import Job
from martlet.training.mixing import build_mixing
from martlet.training.ranks import Ranks
from martlet.workflows.train import setup as train_setup
from martlet.workflows.train.teacher import Taught
from martlet.workflows.train.tiles import scored_batches, through, tiles_for


def in_tiles(
    header: Header, samples: Samples, split: Split, model: nn.Module, ranks: Ranks
) -> TileLoader | None:
    """Training batches within tiles, where windows share enough; None: sample by sample."""
    targets = tasks.find(header.task).targets(samples, header.classes)
    return tiles_for(model, samples, targets, split.train, header.recipe, ranks.share)


def train_batches(
    header: Header,
    samples: Samples,
    targets: NDArray[Any],
    indices: Sequence[int],
    ranks: Ranks,
) -> TrainBatches:
    """Batches of the training part, augmented as the recipe says."""
    recipe, preprocess = header.recipe, header.preprocess
    augment = kinds.find(preprocess.kind).augment(preprocess, recipe)
    common: dict[str, Any] = {
        "preprocess": preprocess,
        "augment": augment,
        "batch_size": recipe.batch_size,
        "seed": recipe.seed,
        "repeats": recipe.repeated_augmentation,
        "share": ranks.share,
    }
    if isinstance(samples, BoxSamples):
        return BoxBatches(samples, targets, indices, mosaic=recipe.mosaic > 0, **common)
    return TrainBatches(
        samples,
        targets,
        indices,
        balanced=recipe.balance == "sampling",
        alternate=recipe.flip_alternating,
        **common,
    )


def make_job(
    folder: Path,
    header: Header,
    samples: Samples,
    split: Split,
    device: torch.device,
    workers: int,
    model: nn.Module,
    tiles: TileLoader | None,
    taught: Taught,
    ranks: Ranks,
) -> Job:
    """Loaders and all else that the loop works on; `model` is the network of the header.

    tiles: training batches, where windows share them; None: sample by sample.
    """
    recipe, preprocess = header.recipe, header.preprocess
    kind, task = kinds.find(preprocess.kind), tasks.find(header.task)
    targets = task.targets(samples, header.classes)
    weights = train_setup.weights_of_classes(header, targets, split.train)
    loader: Loader | None = tiles
    if loader is None:
        batches = train_batches(header, samples, targets, split.train, ranks)
        loader = (
            TrainLoader(batches, workers)
            if recipe.augment_on == "cpu" or kind.on_device is None
            else kind.on_device(batches, preprocess, recipe, device)
        )
    val = scored_batches(model, samples, targets, split.val, preprocess) if split.val else None
    measured = None
    if recipe.norm == "recalibrated":
        measured = scored_batches(model, samples, targets, split.train, preprocess)
    return Job(
        header=header,
        train=loader,
        val=val,
        folder=folder,
        to_input=kind.to_input(preprocess, device),
        transform=build_mixing(
            recipe, len(header.classes), axes=1 if preprocess.kind == SERIES.name else 2
        ),
        through=through,
        class_weights=weights,
        teacher=taught.teacher,
        ranks=ranks,
        measured=measured,
    )
