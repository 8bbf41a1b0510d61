"""How `train --resume` goes on: with the same arguments and data, or not at all."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import torch

from martlet import tasks
from martlet.console.progress import Voice
from martlet.errors import MartletError
from martlet.storage.files import write_text
from martlet.training import checkpoint
from martlet.training.checkpoint import Header
from martlet.training.run_files import MODEL, RESUME
from martlet.training.state import State
from martlet.workflows.run_folder import read_json
from martlet.workflows.samples import noun_of


def go_on(path: Path, header: Header, state: State, voice: Voice) -> None:
    """Put `state` back to where the run stopped.

    Raises MartletError when the arguments are not those that the run was started with, and when
    its best weights are gone.
    """
    tensors, before = checkpoint.load(path)
    differences = other_arguments(before, header)
    if differences:
        raise MartletError(
            f"{path.parent} was started with other arguments (then / now): "
            f"{'; '.join(differences)}; resume with the same ones, or choose another --name."
        )
    if before.split != header.split:
        raise MartletError(
            f"the {noun_of(header.preprocess)}, or how they are split, are not those that "
            f"{path.parent} was started with; resume with the same ones, or choose another --name."
        )
    if model_is_lost(path.parent):
        raise MartletError(
            f"{path.parent} has lost its {MODEL}, the weights of the best epoch so far, which no "
            "other file holds; put it back, or train again with --overwrite."
        )
    state.restore(path, tensors, before)
    try:
        if state.history:
            state.best_row(tasks.find(before.task).better)
    except LookupError as error:
        raise MartletError(f"{path} cannot be resumed: its history has no {error}.") from error
    for sentence in otherwise(before, state):
        voice.say(sentence)
    if state.epoch == header.recipe.epochs:
        voice.say(f"{path.parent} is trained to its end; it is scored again.")
    elif state.ended(header.recipe, tasks.find(before.task).better):
        voice.say(f"{path.parent} {told_early(state, before)}; it is scored again.")
    else:
        at = f"epoch {state.epoch + 1}, batch {state.batch + 1}"
        voice.say(f"going on with {path.parent} at {at}.")


def otherwise(before: Header, state: State) -> Iterator[str]:
    """What is no longer as it was when the run began, and decides the last bits of the weights."""
    now = {"threads": torch.get_num_threads(), "processes": state.processes}
    for what, number in now.items():
        then = before.state.get(what, 1)
        if then != number:
            yield (
                f"the run was started with {then} {what}, now there are {number}: the weights will "
                "not be those of an uninterrupted run bit for bit."
            )


def told_early(state: State, header: Header) -> str:
    """What is said of a run that ended before its last epoch."""
    behind = state.since_best(tasks.find(header.task).better)
    return (
        f"stopped early, {behind} epoch{'s' * (behind > 1)} behind its best one, epoch "
        f"{state.epoch - behind}, whose weights are kept"
    )


def other_arguments(before: Header, header: Header) -> list[str]:
    """In what a run that is there differs from the one that is asked for, then / now."""
    differences = before.recipe.differences(header.recipe)
    for what in ("network", "classes", "preprocess", "task"):
        differences += different(what, getattr(before, what), getattr(header, what))
    if before.start not in ("", header.start):  # "" in files of earlier versions
        differences.append("weights: other ones, or the file has changed since")
    if before.teacher != header.teacher:
        differences.append("teacher: other weights, or the file has changed since")
    return differences


def different(what: str, then: Any, now: Any) -> list[str]:
    """In what both differ, as deep as both have names for their parts."""
    if then == now:
        return []
    parts = [vars(one) if is_dataclass(one) else one for one in (then, now)]
    if type(then) is not type(now) or not all(isinstance(one, Mapping) for one in parts):
        return [f"{what}: {then} / {now}"]
    first, second = parts
    return [
        told
        for name in {**first, **second}
        for told in different(name, first.get(name), second.get(name))
    ]


def model_is_lost(folder: Path) -> bool:
    """Whether a run that ended an epoch has no model.safetensors, which it wrote before that."""
    if (folder / MODEL).exists() or not (folder / RESUME).exists():
        return False
    return bool(checkpoint.load_header(folder / RESUME).state.get("history"))


def keep_split(path: Path, saved: Any, voice: Voice) -> None:
    """Write split.json anew when it is not the one that the checkpoint was trained with."""
    try:
        found = read_json(path) if path.exists() else None
    except MartletError:
        found = None
    if found != saved:
        write_text(path, json.dumps(saved))
        voice.say(f"{path} was missing or changed; it is written anew as the checkpoint knows it.")
