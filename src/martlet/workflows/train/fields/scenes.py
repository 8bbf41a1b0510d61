"""Options of `train` for scenes alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from martlet.arguments import option
from martlet.training.ranges import AT_LEAST_1


@dataclass(frozen=True, kw_only=True)
class SceneFields:
    """Label map, bands, components and protocols."""

    labels: Path | None = option(
        None, "Scenes: file of the label map; 0 is no class.", only="scenes"
    )
    array: str | None = option(
        None, "Scenes: name of the array, where a file holds several.", only="scenes"
    )
    labels_array: str | None = option(
        None, "Scenes: the same of the label map's file.", only="scenes"
    )
    bands_axis: Literal[0, 1, 2] | None = option(
        None, "Scenes: the axis of the bands.", only="scenes"
    )
    class_names: Path | None = option(
        None, "Scenes: text file of the classes' names.", only="scenes"
    )
    components: int | None = option(
        None, "Scenes: principal components (default: the network's bands).", only="scenes"
    )
    pca: Literal["training", "whole-scene"] = option(
        "training", "Scenes: pixels that the components are fitted on.", only="scenes"
    )
    seeds: int = option(
        1,
        "Scenes: runs of each protocol, with the seeds from --seed on.",
        AT_LEAST_1,
        only="scenes",
    )
    train_share: float = option(
        0.1, "Scenes: share of each class's pixels to train on.", only="scenes"
    )
