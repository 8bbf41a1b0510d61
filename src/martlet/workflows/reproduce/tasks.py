"""The runs of an experiment at a size: each is a network, options and a seed, known by its key."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from martlet.models import Attention
from martlet.workflows.reproduce.experiment import Experiment, Row, Size
from martlet.workflows.reproduce.part import Part


@dataclass(frozen=True, kw_only=True)
class Task:
    """One run: what `train` is given, as plain data that another machine can be sent.

    Attributes:
        key: of the run; two experiments with the same run share it.
        label: for people: the row, and the seed.
        row: its name.
        options: of `train`, with `model` and `model_options`.
        part: the data.
    """

    key: str
    label: str
    row: str
    seed: int
    options: Mapping[str, Any]
    part: Part


def tasks_of(experiment: Experiment, size: Size, part: Part) -> list[Task]:
    """All runs, seeds outermost, so that the first of them already fill a table."""
    return [
        make_task(row, size, part, seed)
        for seed in range(size.seeds)
        for row in experiment.runs_at(size.name)
    ]


def make_task(row: Row, size: Size, part: Part, seed: int) -> Task:
    """The run of a row with a seed."""
    options = {**size.options, **row.train, "model": row.model, "seed": seed}
    if row.options:
        options["model_options"] = plain_options(row.options)
    known = json.dumps([part.digest, options], sort_keys=True)
    return Task(
        key=hashlib.sha256(known.encode()).hexdigest()[:16],
        label=f"{row.name}, seed {seed}",
        row=row.name,
        seed=seed,
        options=options,
        part=part,
    )


def plain_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """A network's options with one spelling: attention as a table of what is not its default."""
    plain = dict(options)
    given = plain.get("attention")
    if isinstance(given, str):
        given = {"kind": given}
    if isinstance(given, Mapping):
        usual = {one.name: one.default for one in fields(Attention)}
        plain["attention"] = {
            key: value for key, value in given.items() if value != usual.get(key, MISSING)
        }
    return plain
