"""Whether pixels of a scene are trained and scored on within tiles, or window by window."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from torch import nn

from martlet.data.batches import EvalBatches
from martlet.data.kind import AnyPreprocess, Samples
from martlet.data.scenes.samples import SceneSamples
from martlet.data.scenes.tiles import Extent, StripBatches, TileLoader
from martlet.data.share import WHOLE, Share
from martlet.errors import MartletError
from martlet.models.detectors import Detector
from martlet.models.hybridsn import HybridSN
from martlet.models.whole_scene import OnTiles, map_macs
from martlet.tasks.detection.selecting import Selecting
from martlet.training.recipe import Recipe

SIDES = (2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)  # of tiles, in places for windows
PAYS_FROM = 1.2  # times fewer MACs than windows need


def through(model: nn.Module) -> nn.Module:
    """The network as batches go through it: HybridSN takes windows and tiles, others windows; of a
    detector's answers the boxes are selected.
    """
    if isinstance(model, Detector):
        return Selecting(model)
    return OnTiles(model) if isinstance(model, HybridSN) else model


def tiles_for(
    model: nn.Module,
    samples: Samples,
    targets: NDArray[Any],
    indices: Sequence[int],
    recipe: Recipe,
    share: Share = WHOLE,
) -> TileLoader | None:
    """Training batches within tiles of the side that needs the fewest MACs, or None for windows.

    Windows it is where tiles hold too few of the pixels to pay, for networks that cannot share what
    they compute, and for compiled steps, whose inputs have one shape; and where training flips,
    unless tiles are asked for: all windows of a tile are turned over together, and accuracy suffers
    (benchmarks/scene_training.py). MACs are counted, not timed: a run that is resumed decides as it
    did at first.

    Raises MartletError for tiles='on' where tiles cannot be.
    """
    if recipe.tiles == "on" and recipe.compile == "on":
        raise MartletError(
            "tiles='on' and compile='on' exclude each other: tiles change their size from step to "
            "step; give one of them."
        )
    if recipe.tiles == "on" and recipe.mixup:
        raise MartletError(
            f"tiles='on' and mixup={recipe.mixup} exclude each other: windows of a tile cannot be "
            "mixed; give one of them."
        )
    if recipe.tiles == "on" and not isinstance(model, HybridSN):
        raise MartletError(
            "tiles='on' is for HybridSN, and other networks train window by window; leave it out."
        )
    if not isinstance(model, HybridSN) or not isinstance(samples, SceneSamples):
        return None
    if recipe.tiles == "off" or recipe.compile == "on" or recipe.mixup:
        return None
    if recipe.tiles == "auto" and recipe.flip:
        return None
    loaders = [
        TileLoader(
            samples,
            targets,
            indices,
            side=side,
            batch_size=recipe.batch_size,
            flip=recipe.flip,
            seed=recipe.seed,
            balanced=recipe.balance == "sampling",
            share=share,
        )
        for side in SIDES
    ]
    macs = [_macs(model, loader.extents()) for loader in loaders]
    by_windows = len(loaders[0]) * loaders[0].batch_size * _macs(model, [(1, 1, 1)])
    least = min(range(len(SIDES)), key=macs.__getitem__)
    if recipe.tiles == "auto" and macs[least] * PAYS_FROM > by_windows:
        return None
    return loaders[least]


def scored_batches(
    model: nn.Module,
    samples: Samples,
    targets: NDArray[Any],
    indices: Sequence[int],
    preprocess: AnyPreprocess,
) -> EvalBatches | StripBatches:
    """Samples to score, in the given order, within strips of a scene where that pays."""
    if isinstance(model, HybridSN) and isinstance(samples, SceneSamples):
        strips = StripBatches(samples, targets, indices)
        if _macs(model, strips.extents()) < len(indices) * _macs(model, [(1, 1, 1)]):
            return strips
    return EvalBatches(samples, targets, indices, preprocess=preprocess)


def _macs(model: HybridSN, extents: Sequence[Extent]) -> int:
    """Of the convolutions; the linear layers see each pixel's window, in a tile or not."""
    beyond = model.window - 1
    return sum(n * map_macs(model, r + beyond, c + beyond) for n, r, c in extents)
