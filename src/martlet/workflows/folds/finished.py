"""Folds of a cross-validation that are trained to their end: whether they are those asked for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from martlet.data import kinds
from martlet.data.kind import Samples
from martlet.data.saved_split import digest, to_save
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.checkpoint import Header
from martlet.training.run_files import MODEL
from martlet.workflows.samples import noun_of
from martlet.workflows.train.plan import Plan, make_network
from martlet.workflows.train.prepare import choose_split

OPEN = (None, "auto")  # what is filled in as a run starts


def finished(folder: Path) -> bool:
    """Whether a fold's run is trained to its end and scored; an epoch's own metrics are not."""
    if not (folder / MODEL).exists():
        return False
    return "part" in checkpoint.load_header(folder / MODEL).metrics


def check_same(plan: Plan, samples: Samples, fold: int) -> None:
    """Raises MartletError when a finished fold was trained by other arguments than are asked for,
    or on other samples."""
    folder = plan.folder / f"fold-{fold}"
    header = checkpoint.load_header(folder / MODEL)
    ran, now = _trained(plan, header), _asked(plan, samples)
    differences = [
        f"{name}: {ran[name]} / {value}"
        for name, value in now.items()
        if value not in OPEN and name in ran and value != ran[name]
    ]
    if differences:
        raise MartletError(
            f"{folder} was trained with other arguments (then / now): {'; '.join(differences)}; "
            "resume with the same ones, or choose another --name."
        )
    split = choose_split(replace(plan, options=replace(plan.options, fold=fold)), samples)
    if header.split not in ("", digest(to_save(split, samples))):  # "" in files of early versions
        raise MartletError(
            f"the {noun_of(plan.preprocess)}, or how they are split, are not those that {folder} "
            "was trained with; resume with the same ones, or choose another --name."
        )


def _trained(plan: Plan, header: Header) -> dict[str, Any]:
    """What decided a fold's weights, by the names of options."""
    network = header.network
    found = {**header.recipe.to_dict(), "task": header.task, "classes": list(header.classes)}
    found |= {"model": network.name, "small_input": network.small_input}
    found |= {"model_options": dict(network.options), "weights": bool(header.start)}
    return found | (header.preprocess.to_dict() if _known(plan) else {})


def _asked(plan: Plan, samples: Samples) -> dict[str, Any]:
    """The same, as it is asked for now."""
    outputs = list(plan.task.outputs(samples))
    network = make_network(plan, len(outputs))
    found = {**vars(plan.options), "task": plan.task.name, "classes": outputs}
    found |= {"model": network.name, "small_input": network.small_input}
    found |= {"model_options": dict(network.options), "weights": plan.start.path is not None}
    return found | (plan.preprocess.to_dict() if _known(plan) else {})


def _known(plan: Plan) -> bool:
    """Whether data leave nothing of the preprocessing open; else the split holds its windows."""
    return kinds.find(plan.preprocess.kind).fit is None
