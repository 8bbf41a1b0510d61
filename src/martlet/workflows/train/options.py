"""The options of `train`: a recipe, and on what, from which weights, where and how it runs."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from martlet.arguments import Range, option
from martlet.errors import MartletError
from martlet.named_values import assignment, json_value
from martlet.training.ranges import ABOVE_0_TO_HALF, PLAIN_NAME, TIME
from martlet.training.recipe import Recipe
from martlet.workflows.train.fields.boxes import BoxOptions
from martlet.workflows.train.fields.data import DataFields
from martlet.workflows.train.fields.lists import ListFields
from martlet.workflows.train.fields.network import NetworkFields
from martlet.workflows.train.fields.scenes import SceneFields
from martlet.workflows.train.fields.series import SeriesFields
from martlet.workflows.train.fields.teacher import TeacherFields

NOT_REPEATED = ("resume", "overwrite", "dry_run", "quiet")  # they only say how to treat a folder
NOT_IN_RECIPES = ("folder", "name", *NOT_REPEATED)

NOT_THE_NETWORKS = {  # options of `create_model` that training sets
    "num_classes": "the data decides",
    "in_chans": "give channels",
    "small_input": "give small_input itself",
    "drop_rate": "give drop_rate itself",
    "pretrained": "give pretrained itself",
    "features_only": "training needs a classifier",
    "out_indices": "training needs a classifier",
    "detector": "give detector itself",
}
BESIDE_FEW = frozenset(  # of a recipe, what few without epochs makes use of, or lets pass
    ("few", "epochs", "seed", "batch_size", "label_smoothing", "drop_rate", "compile", "precision")
)
USUAL_EPOCHS = next(one.default for one in fields(Recipe) if one.name == "epochs")
UP_TO_1024 = Range("0 to 1024", lambda value: 0 <= value <= 1024)


@dataclass(frozen=True, kw_only=True)
class TrainOptions(
    SeriesFields,
    SceneFields,
    BoxOptions,
    ListFields,
    DataFields,
    TeacherFields,
    NetworkFields,
    Recipe,
):
    """Checked on creation as a Recipe is.

    given: the options that the caller named, also those with the value of their default.
    """

    time: str | None = option(
        None, "In place of epochs: as many as fit, with all before and after, as 90s or 10m.", TIME
    )
    reject: float = option(
        0.05,
        "Pictures, scenes, recordings: share of known samples that `predict --unknown` may call "
        "unknown.",
        ABOVE_0_TO_HALF,
        only=("pictures", "scenes", "recordings"),
    )
    tta: Literal["none", "flip", "crops"] = option(
        "none",
        "Pictures: views that the last score is a mean over: each mirrored, or five crops and "
        "these mirrored.",
        only="pictures",
    )
    device: str = option("auto", "auto, cpu, cuda or mps.")
    workers: int | None = option(None, "Processes that prepare inputs (default: fits).", UP_TO_1024)
    log: str | Sequence[str] = option(
        "tensorboard",
        "Trackers that are told of each epoch, as tensorboard,mlflow: tensorboard, mlflow, wandb, "
        "or none.",
    )
    folder: Path = option(Path("runs"), "Where run folders lie.")
    name: str | None = option(None, "Name of the run folder (default: DATA-MODEL).", PLAIN_NAME)
    resume: bool = option(False, "Go on with the run of this name where it stopped.")
    overwrite: bool = option(False, "Replace the run of this name.")
    dry_run: bool = option(
        False, "Say what the run would be, and take in time and memory; train nothing."
    )
    quiet: bool = option(False, "Print nothing.")
    given: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.few and not self.given & {"epochs", "time"} and self.epochs == USUAL_EPOCHS:
            object.__setattr__(self, "epochs", 0)
            self._refuse_what_waits()
        if self.cross_validate is not None:
            object.__setattr__(self, "cross_validate", str(self.cross_validate))
            self._refuse_a_module()
        if self.time is None:
            return
        if "epochs" in self.given:
            raise MartletError(
                f"time={self.time!r} and epochs={self.epochs} both say how long to train; give one."
            )
        if self.cross_validate is not None or self.seeds > 1 or self.protocol == "both":
            raise MartletError(
                f"time={self.time!r} is for one run, and several are to be compared after as many "
                "epochs each; give epochs."
            )

    def _refuse_what_waits(self) -> None:
        """Raises MartletError for options that work in epochs, where few has none."""
        of_recipe = {one.name: one.default for one in fields(Recipe)}
        for name in sorted(self.given & of_recipe.keys() - BESIDE_FEW):
            value = getattr(self, name)
            if value != of_recipe[name]:
                raise MartletError(
                    f"{name}={value!r} is for epochs, and few=True alone has none; give epochs or "
                    "time, or leave it out."
                )

    def _refuse_a_module(self) -> None:
        """Raises MartletError for a teacher that processes of their own cannot have."""
        if self.teacher is not None and not isinstance(self.teacher, (str, Path)):
            raise MartletError(
                f"cross_validate={self.cross_validate!r} trains each fold in a process of its own, "
                f"which cannot have the module {type(self.teacher).__name__} as teacher; give a "
                "run folder or its model.safetensors."
            )

    @property
    def network_options(self) -> dict[str, Any]:
        """Options of `create_model` that are given; MartletError for one that is training's."""
        given = dict(self.model_options or {})
        for name in given:
            if name in NOT_THE_NETWORKS:
                instead = NOT_THE_NETWORKS[name]
                if name == "small_input" and self.boxes is not None:
                    instead = "it is for pictures and scenes, and boxes are learnt here"
                raise MartletError(f"model_options: {name} is not accepted; {instead}.")
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
            usual = value == one.default and not (self.few and one.name == "epochs")  # see above
            if usual or "help" not in one.metadata or one.name in NOT_REPEATED:
                continue
            if isinstance(value, Mapping):
                for name, part in value.items():
                    words += [f"--{flag}", assignment(name, part)]
            elif isinstance(value, tuple):
                words += [f"--{flag}", ",".join(value)]
            elif isinstance(value, bool):
                words.append(f"--{flag}" if value else f"--no-{flag}")
            elif isinstance(value, (str, int, float, Path)):
                words += [f"--{flag}", str(value)]
            else:  # an nn.Module, which no command can name
                words += [f"--{flag}", f"<{type(value).__name__}>"]
        return words
