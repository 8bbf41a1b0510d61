"""Loaders of batches, and all else that the loop of a run works on."""

from pathlib import Path

import torch
from torch import nn

from martlet import tasks
from martlet.data import kinds
from martlet.data.batches import TrainBatches
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
        batches = TrainBatches(
            samples,
            targets,
            split.train,
            preprocess=preprocess,
            augment=kind.augment(preprocess, recipe),
            batch_size=recipe.batch_size,
            seed=recipe.seed,
            repeats=recipe.repeated_augmentation,
            balanced=recipe.balance == "sampling",
            alternate=recipe.flip_alternating,
            share=ranks.share,
        )
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
