"""The options of `train`: a recipe, and on what, from which weights, where and how it runs."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from martlet.arguments import Range, option
from martlet.errors import MartletError
from martlet.named_values import assignment, json_value
from martlet.training.recipe import ABOVE_0, AT_LEAST_1, PLAIN_NAME, Recipe

NOT_REPEATED = ("resume", "overwrite", "quiet")  # they only say how to treat a folder
NOT_IN_RECIPES = ("folder", "name", *NOT_REPEATED)

NOT_THE_NETWORKS = {  # options of `create_model` that training sets
    "num_classes": "the data decides",
    "in_chans": "give channels",
    "small_input": "give small_input itself",
    "drop_rate": "give drop_rate itself",
    "pretrained": "give pretrained itself",
    "features_only": "training needs a classifier",
    "out_indices": "training needs a classifier",
}
UP_TO_1024 = Range("0 to 1024", lambda value: 0 <= value <= 1024)


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Recipe):
    """Checked on creation as a Recipe is.

    given: the options that the caller named, also those with the value of their default.
    """

    model: str = option(
        None, "Network; see `martlet list` (default: the weights', else shufflenet_v2_x1_0)."
    )
    attention: str = option(None, "se or cbam on each block of the network.")
    model_options: Mapping[str, Any] = option(
        None, "Options of the network, as of create_model; NAME=VALUE, repeated, as a flag."
    )
    task: str = option(None, "What is learnt (default: what the kind of data is usually for).")
    image_size: int = option(
        224, "Pictures: side of the square that the network sees, in pixels.", only="pictures"
    )
    resize: Literal["crop", "squash"] = option(
        "crop", "Pictures: crop the centre, or squash all of it.", only="pictures"
    )
    channels: str | Sequence[str] | None = option(
        None,
        "Pictures: RGB (default), or L for gray. Recordings: names or patterns, as acc_*,gyr_* "
        "(default: all).",
        only=("pictures", "recordings"),
    )
    small_input: bool = option(
        None,
        "Pictures, scenes: the form for small pictures (default: up to 64 pixels).",
        only=("pictures", "scenes"),
    )
    weights: Path | None = option(
        None, "Start from this run, model.safetensors, or another library's .pth."
    )
    pretrained: bool = option(False, "Start from torchvision's ImageNet weights (download).")
    val: float = option(0.1, "Share cut out to choose the best epoch.")
    test: float = option(
        0.2,
        "Pictures, recordings: share held out for the final figure.",
        only=("pictures", "recordings"),
    )
    max_bad: float = option(
        0.01, "Pictures: share of unreadable ones that is let pass.", only="pictures"
    )
    allow_overlap: bool = option(
        False,
        "Pictures, recordings: go on when train and test share some.",
        only=("pictures", "recordings"),
    )
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
    window: int | str | None = option(
        None,
        "Scenes: side of a window in pixels (default: 25). Recordings: its length, a time as 2.56s "
        "or samples.",
        only=("scenes", "recordings"),
    )
    components: int | None = option(
        None, "Scenes: principal components (default: the network's bands).", only="scenes"
    )
    pca: Literal["training", "whole-scene"] = option(
        "training", "Scenes: pixels that the components are fitted on.", only="scenes"
    )
    protocol: str = option(
        "disjoint",
        "Scenes: split by disjoint regions, random pixels, both in turn, or as a file's map says. "
        "Recordings: by disjoint subjects, or random windows.",
        only=("scenes", "recordings"),
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
    rate: float | None = option(
        None,
        "Recordings: samples in a second, Hz; others are resampled.",
        ABOVE_0,
        only="recordings",
    )
    stride: int | str | None = option(
        None,
        "Recordings: from one window to the next, a time or samples (default: half of one).",
        only="recordings",
    )
    layout: str | None = option(
        None, "Recordings: how files lie (default: as recognised).", only="recordings"
    )
    label_column: str | None = option(None, "Recordings: column of the labels.", only="recordings")
    group_by: str | None = option(None, "Recordings: column of the subjects.", only="recordings")
    time_column: str | None = option(
        None, "Recordings: column of time stamps, NAME or NAME:UNIT.", only="recordings"
    )
    max_gap: str | None = option(
        None,
        "Recordings: longest gap that is bridged, a time or samples (default: 0.1s).",
        only="recordings",
    )
    cross_validate: str | None = option(
        None,
        "Recordings: hold each subject out in turn (subject), or each of so many groups of them, "
        "as 4.",
        only="recordings",
    )
    fold: int | None = option(
        None,
        "Recordings: train this fold of cross_validate alone, from 1.",
        AT_LEAST_1,
        only="recordings",
    )
    device: str = option("auto", "auto, cpu, cuda or mps.")
    workers: int | None = option(None, "Processes that prepare inputs (default: fits).", UP_TO_1024)
    folder: Path = option(Path("runs"), "Where run folders lie.")
    name: str | None = option(None, "Name of the run folder (default: DATA-MODEL).", PLAIN_NAME)
    resume: bool = option(False, "Go on with the run of this name where it stopped.")
    overwrite: bool = option(False, "Replace the run of this name.")
    quiet: bool = option(False, "Print nothing.")
    given: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    @property
    def network_options(self) -> dict[str, Any]:
        """Options of `create_model` that are given; MartletError for one that is training's."""
        given = dict(self.model_options or {})
        for name in given:
            if name in NOT_THE_NETWORKS:
                raise MartletError(
                    f"model_options: {name} is not accepted; {NOT_THE_NETWORKS[name]}."
                )
        if self.attention is not None:
            given["attention"] = self.attention
        return {name: json_value(value, f"model_options: {name}") for name, value in given.items()}

    def command(self, data: Path) -> str:
        """The `martlet` command that trains the same again; defaults are left out."""
        return shlex.join(["martlet", *self.words(data)])

    def words(self, data: Path) -> list[str]:
        """The words of that command behind its first."""
        words = ["train", str(data)]
        for one in fields(self):
            value, flag = getattr(self, one.name), one.name.replace("_", "-")
            if value == one.default or "help" not in one.metadata or one.name in NOT_REPEATED:
                continue
            if isinstance(value, Mapping):
                for name, part in value.items():
                    words += [f"--{flag}", assignment(name, part)]
            elif isinstance(value, tuple):
                words += [f"--{flag}", ",".join(value)]
            elif isinstance(value, bool):
                words.append(f"--{flag}" if value else f"--no-{flag}")
            else:
                words += [f"--{flag}", str(value)]
        return words
