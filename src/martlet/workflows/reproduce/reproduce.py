"""The steps of `reproduce`: the queue of an experiment's runs, then its table, picture and page."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from martlet.console.progress import Voice
from martlet.data.cache import cores
from martlet.errors import MartletError
from martlet.workflows.reproduce import reading, train_run
from martlet.workflows.reproduce.experiment import Experiment, Size
from martlet.workflows.reproduce.outcome import Outcome, write_outcome
from martlet.workflows.reproduce.part import choose_part
from martlet.workflows.reproduce.queue import Queue
from martlet.workflows.reproduce.record import WORK, Record
from martlet.workflows.reproduce.tasks import Task, tasks_of


@dataclass(frozen=True)
class Listed:
    """An experiment as `martlet reproduce` lists it; minutes of one core by size."""

    name: str
    title: str
    source: str
    asks: str
    rows: int
    minutes: dict[str, float | None]


def list_experiments() -> list[Listed]:
    """All experiments of the package."""
    found = [reading.find(name) for name in reading.names()]
    return [
        Listed(
            one.name,
            one.title,
            one.source,
            one.asks,
            len(one.rows),
            {name: size.minutes for name, size in one.sizes.items()},
        )
        for one in found
    ]


def reproduce(
    name: str, data: Path, size: str, folder: Path, jobs: int | None, ray: str | None, quiet: bool
) -> Outcome:
    """Do what the experiment lacks at this size; write and say what it comes to."""
    experiment = reading.find(name)
    chosen, voice = size_of(experiment, size), Voice(quiet)
    part = choose_part(data, chosen, folder / WORK)
    tasks, record = tasks_of(experiment, chosen, part), Record(folder)
    left = [task for task in tasks if task.key not in record.rows()]
    at_once = jobs or (cores() if ray is None else None)
    voice.say(f"{experiment.source}: {experiment.asks}")
    voice.say(
        f"{len(tasks)} runs at size {size}, {len(tasks) - len(left)} of them done already"
        + (f", {at_once} at once" if left and at_once else "")
    )
    carry_out, at_once = _carrying_out(ray, at_once)
    failed = Queue(tasks, record, carry_out, voice.say).work_through(at_once) if left else {}
    command = shlex.join(["martlet", "reproduce", name, "--size", size, "--data", str(data)])
    outcome = write_outcome(
        experiment,
        chosen,
        tasks,
        record.rows(),
        failed,
        folder / f"{experiment.name}-{size}",
        command,
    )
    for told in (outcome.summary, *outcome.findings):
        voice.say(told)
    voice.say(f"table.csv, table.md, picture.png and page.html are in {outcome.folder}")
    return outcome


def size_of(experiment: Experiment, name: str) -> Size:
    """Raises MartletError for a size that has no rows."""
    if name not in experiment.sizes:
        raise MartletError(f"size={name!r} is not known; give {', '.join(experiment.sizes)}.")
    return experiment.sizes[name]


def _carrying_out(
    ray: str | None, at_once: int | None
) -> tuple[Callable[[Task, Path], dict[str, Any]], int]:
    """How a run is done, and how many at once: here, or on the machines of a Ray cluster."""
    if ray is not None:
        from martlet.workflows.reproduce.on_ray import connected

        return connected(ray, at_once)
    assert at_once is not None
    threads = max(1, cores() // at_once)
    return lambda task, folder: train_run.carry_out(task, folder, threads), at_once
