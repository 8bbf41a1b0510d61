"""What the options of `train` come to: the network, its input, the task, where the run lies."""

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import realpath  # of a link to itself, pathlib's raises
from pathlib import Path
from typing import Any

from martlet import tasks
from martlet.data import kinds
from martlet.data.boxes.kind import BOXES
from martlet.data.kind import AnyPreprocess
from martlet.data.pictures.kind import PICTURES
from martlet.data.pictures.shards.places import plain_name
from martlet.models import spec
from martlet.models.detectors import OPTIMIZERS
from martlet.models.spec import Spec, check_network
from martlet.tasks import Task
from martlet.training.checkpoint import Header, Network
from martlet.training.progressive import side_at
from martlet.training.run_files import RESUME
from martlet.workflows.open_network import checkpoint_path
from martlet.workflows.train import setup as train_setup
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.start import (
    Start,
    check_kept,
    detector_name,
    network_name,
    network_options,
    start_of,
)


@dataclass(frozen=True)
class Plan:
    """What the options of `train` come to for this data and this network."""

    data: Path
    options: TrainOptions
    row: Spec
    start: Start
    task: Task
    folder: Path
    preprocess: AnyPreprocess
    small_input: bool

    @property
    def before(self) -> Path | None:
        """The checkpoint to go on from, if any."""
        path = self.folder / RESUME
        return path if self.options.resume and path.exists() else None


def make_plan(data: Path, options: TrainOptions) -> Plan:
    """Raises MartletError for a network that is not known, or not for pictures of this size."""
    start = start_of(options)
    row = spec(network_name(options, start))
    preprocess = train_setup.preprocess_for(row, options, start)
    kind = kinds.find(preprocess.kind)
    plan = Plan(
        data=data,
        options=options,
        row=row,
        start=start,
        task=tasks.find(options.task or kind.task),
        folder=options.folder
        / (options.name or f"{plain_name(Path(realpath(data)).name)}-{row.name}"),
        preprocess=preprocess,
        small_input=train_setup.is_small(row, options, start),
    )
    if row.input.kind == PICTURES.name:
        side = train_setup.side_option(preprocess.kind)
        check_network(row, preprocess.shape[-1], plan.small_input, side)
        if options.progressive < 1:
            least = side_at(preprocess.shape[-1], 0, options.progressive)
            first = f"progressive={options.progressive}: the first side"
            check_network(row, least, plan.small_input, first)
    check_kept(options, start)
    if isinstance(options.teacher, Path):  # before anything is read
        checkpoint_path(options.teacher)
    return plan


def make_network(plan: Plan, outputs: int) -> Network:
    """The network of the plan for so many outputs."""
    return Network(
        name=plan.row.name,
        num_classes=outputs,
        in_chans=plan.preprocess.in_chans,
        small_input=plan.small_input,
        options=of_kind(plan) | network_options(plan.options, plan.row, plan.start),
    )


def of_kind(plan: Plan) -> dict[str, Any]:
    """A network for scenes is made for the window that its samples have; one for boxes is the
    backbone of a detector.
    """
    row, shape = plan.row.input, plan.preprocess.shape
    if plan.preprocess.kind == BOXES.name:
        return {"detector": detector_name(plan.options, plan.start)}
    return {"window": shape[-1]} if row.kind == "cube" and shape[-1] != row.shape[-1] else {}


def make_header(plan: Plan, outputs: Sequence[str], pictures: int, split: str) -> Header:
    """Network and recipe for this data, what was left open filled in."""
    network = make_network(plan, len(outputs))
    usual = dict(kinds.find(plan.preprocess.kind).usual(plan.preprocess, plan.options))
    if (detector := network.options.get("detector")) in OPTIMIZERS:
        usual["optimizer"] = OPTIMIZERS[detector]
    if plan.start.published:
        usual.pop("optimizer", None)  # not measured: none could be loaded where the others were
    recipe = plan.options.filled(
        plan.row.drop_rate,
        pictures,
        published=plan.start.published,
        usual=usual,
    )
    task = plan.task.name
    return Header(network, tuple(outputs), plan.preprocess, recipe, task=task, split=split)
