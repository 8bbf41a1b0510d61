"""Experiments that train: rows of a file, checked to the last name before anything is trained.

A file says whose table it is (`title`, `source`, `asks`, `unit`), gives the rows and the claims,
and names the `setting` that its runs share with other experiments: a table of settings.toml with
data and options for each size. A table `[small]` of its own holds what differs from that.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import torch

from martlet.arguments import checked, parameters_of
from martlet.errors import MartletError, unknown
from martlet.models import create_model
from martlet.models.spec import as_number
from martlet.models.table import find as find_network
from martlet.models.table import own_options
from martlet.workflows.recipe_file import load_recipe
from martlet.workflows.reproduce.experiment import SIZES, Experiment, Row, Size
from martlet.workflows.reproduce.experiment_file import HEADING, ExperimentFile
from martlet.workflows.reproduce.record import OF_BOXES
from martlet.workflows.train.options import NOT_IN_RECIPES, TrainOptions

FOLDER = Path(__file__).parents[2] / "experiments"
SETTINGS = "settings"
FIGURES = ("error", "accuracy", *OF_BOXES)
KEYS = (*HEADING, "unit", "figure", "setting", "rows", "claims", "looked_at", *SIZES)
ROW: Mapping[str, Any] = {
    "name": str, "model": str | None, "at_paper": str | None, "options": Mapping[str, Any],
    "train": Mapping[str, Any], "paper": float | None, "macs": str | None, "only": Sequence[str],
}  # fmt: skip
NOT_OF_RUNS = {  # options of `train` that an experiment decides itself, or that hang on the machine
    *("seed", "model", "model_options", "attention", "fold", "cross_validate", "seeds", "time"),
    *("root", "labels", "boxes", "class_names", "weights", "pretrained", "teacher", "log"),
    *("device", "workers", "few", "check_labels"),
}
SIZE: Mapping[str, Any] = {
    "train": int | None, "test": int | None, "seeds": int, "options": Mapping[str, Any],
    "files": Mapping[str, str], "minutes": float | None, "recipe": str,
}  # fmt: skip


class TrainingFile:
    """Reads an experiment out of a file."""

    def __init__(self, file: ExperimentFile, thorough: bool) -> None:
        """thorough: each network is built, without memory for its weights."""
        self.file, self.thorough = file, thorough

    def experiment(self) -> Experiment:
        """All of it; raises MartletError for whatever is wrong in the file."""
        file = self.file
        file.check_keys(KEYS)
        figure = file.values.get("figure", "error")
        if figure not in FIGURES:
            raise unknown(f"{file.at('figure')}: figure", str(figure), FIGURES)
        rows = [self._row(given) for given in file.tables("rows")]
        known = [row.name for row in rows]
        file.check_names(known)
        return Experiment(
            **file.heading(),
            unit=file.text("unit"),
            figure=figure,
            rows=rows,
            claims=[file.claim(given, known) for given in file.tables("claims")],
            sizes={name: self._size(name) for name in SIZES},
            setting=file.text("setting"),
            looked_at=self._looked_at(known),
        )

    def _looked_at(self, known: Sequence[str]) -> list[str]:
        """Raises MartletError for what are no names of rows."""
        where, given = self.file.at("looked_at"), self.file.values.get("looked_at", [])
        checked(f"{where}: looked_at", given, Sequence[str])
        for name in given:
            if name not in known:
                raise unknown(f"{where}: row", name, known)
        return list(given)

    def _row(self, given: dict[str, Any]) -> Row:
        self.file.fitting(given, ROW, "a row")
        if "name" not in given:
            raise MartletError(f"{self.file.at(*map(str, given.values()))}: a row has no name.")
        row = Row(**given)
        self._check_printed(row)
        if row.model is None:
            return self._printed_alone(row)
        for model in (row.model, row.at_paper):
            if model is not None:
                self._check_network(row, model)
        self._check_train(row.train, row.name)
        return row

    def _check_printed(self, row: Row) -> None:
        """Raises MartletError for a figure that is none, or a size that is not known."""
        where = self.file.at(row.name)
        if not row.name.strip():
            raise MartletError(f"{where}: a row's name is empty; give it one.")
        if row.paper is not None and not 0 < row.paper <= 100:
            raise MartletError(f"{where}: paper={row.paper} is no percentage; give 0 to 100.")
        try:
            printed = 1.0 if row.macs is None else as_number(row.macs)
        except (ValueError, IndexError):
            printed = 0.0
        if not 0 < printed < float("inf"):
            raise MartletError(
                f'{where}: macs={row.macs!r} is not accepted; give them as printed, such as "140M".'
            )
        for size in row.only:
            if size not in SIZES:
                raise unknown(f"{self.file.at(row.name, size)}: size", size, SIZES)

    def _check_network(self, row: Row, model: str) -> None:
        """Raises MartletError for a network that cannot be built."""
        try:
            file, network = find_network(model)
            own_options(file, network, dict(row.options))
            if self.thorough:
                with torch.device("meta"):
                    create_model(model, **dict(row.options))
        except MartletError as error:
            raise MartletError(f"{self.file.at(row.name, model)}: {error}") from error

    def _printed_alone(self, row: Row) -> Row:
        if row.options or row.train or row.paper is None:
            raise MartletError(
                f"{self.file.at(row.name)}: {row.name!r} has no model, so that it is printed "
                "alone; give its figure as paper, and neither options nor train, or a model."
            )
        return row

    def _check_train(self, options: Mapping[str, Any], *near: str) -> None:
        """Raises MartletError for options that `train` does not have, or values out of range."""
        hints = {one.name: get_args(one.annotation)[0] for one in parameters_of(TrainOptions)}
        accepted = [name for name in hints if name not in NOT_IN_RECIPES]
        for key, value in options.items():
            where = self.file.at(*near, key)
            if key not in accepted:
                raise unknown(f"{where}: option of train", key, accepted)
            if key in NOT_OF_RUNS:
                raise MartletError(
                    f"{where}: {key} is decided by the experiment, or hangs on the machine; leave "
                    "it out, and say networks as model and options of a row."
                )
            checked(f"{where}: {key}", value, hints[key])
        try:
            TrainOptions(**options)
        except MartletError as error:
            raise MartletError(f"{self.file.at(*near)}: {error}") from error

    def _size(self, name: str) -> Size:
        """The setting's size, with what this file says of it."""
        own = self.file.table(name)
        self.file.fitting(own, SIZE, f"[{name}]")
        shared = settings()
        setting = self.file.text("setting")
        if setting not in shared:
            raise unknown(f"{self.file.at('setting')}: setting", setting, list(shared))
        given = shared[setting].get(name, {})
        recipe = own.get("recipe", given.get("recipe"))
        options = {} if recipe is None else load_recipe(recipe)
        options = {key: value for key, value in options.items() if key not in NOT_OF_RUNS}
        options |= {**given.get("options", {}), **own.get("options", {})}
        self._check_train(options, f"[{name}]")
        for key in ("train", "test", "seeds"):
            count = own.get(key, given.get(key, 1))
            if count is not None and count < 1:
                raise MartletError(
                    f"{self.file.at(f'[{name}]', key)}: {key}={count} is not accepted; give 1 or "
                    "more."
                )
        known = {one.name for one in fields(Size)}
        values = {key: value for key, value in {**given, **own}.items() if key in known}
        return Size(name=name, **{**values, "options": options})


def settings() -> dict[str, dict[str, Any]]:
    """Setting -> size -> what the runs of all its experiments have in common."""
    return tomllib.loads((FOLDER / f"{SETTINGS}.toml").read_text(encoding="utf-8"))
