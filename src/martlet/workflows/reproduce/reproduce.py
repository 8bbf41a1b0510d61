"""The steps of `reproduce`: the queue of an experiment's runs, then its table, picture and page."""

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from martlet.console.progress import Voice
from martlet.data.cache import cores
from martlet.errors import MartletError
from martlet.storage.claim import claimed
from martlet.workflows.attached import end_all
from martlet.workflows.reproduce import reading, speed_measuring, train_run
from martlet.workflows.reproduce.experiment import Experiment
from martlet.workflows.reproduce.looked_at import draw_looked_at, is_looked_at
from martlet.workflows.reproduce.outcome import Outcome, write_outcome
from martlet.workflows.reproduce.part import choose_part
from martlet.workflows.reproduce.queue import Queue
from martlet.workflows.reproduce.record import WORK, Record
from martlet.workflows.reproduce.shares import SharesExperiment, write_shares
from martlet.workflows.reproduce.speed import SpeedExperiment
from martlet.workflows.reproduce.speed_outcome import write_speed_outcome
from martlet.workflows.reproduce.tasks import Task, tasks_of

SHOWN = (".csv", ".md", ".png", ".html")
BETWEEN_TABLES_SECONDS = 60.0


@dataclass(frozen=True)
class Listed:
    """An experiment as `martlet reproduce` lists it; minutes of one core by size."""

    name: str
    title: str
    source: str
    asks: str
    rows: int
    minutes: dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class How:
    """How runs are made: so many at once, on a Ray cluster, and whether their weights are kept."""

    jobs: int | None = None
    ray: str | None = None
    keep: bool = False


def list_experiments() -> list[Listed]:
    """All experiments of the package."""
    found = [reading.find(name, thorough=False) for name in reading.names()]
    return [
        Listed(one.name, one.title, one.source, one.asks, len(one.rows), _minutes(one))
        for one in found
    ]


def _minutes(experiment: reading.AnyExperiment) -> dict[str, float | None]:
    return {name: size.minutes for name, size in experiment.sizes.items()}


def reproduce(
    name: str,
    data: Path | None,
    size: str,
    folder: Path,
    how: How,
    quiet: bool,
) -> Outcome:
    """Do what the experiment lacks at this size; write and say what it comes to."""
    experiment, voice = reading.find(name), Voice(quiet)
    voice.say(f"{experiment.source}: {experiment.asks}")
    place = folder / f"{experiment.name}-{size}"
    words = ["martlet", "reproduce", name, "--size", size, "--folder", str(folder)]
    if not isinstance(experiment, Experiment):
        for option, value in (("data", data), ("jobs", how.jobs), ("ray", how.ray)):
            if value is not None:
                raise MartletError(
                    f"{option}={value} is for experiments that train, and {name} measures time, "
                    "here, one row at a time; leave it out."
                )
        outcome = _time(experiment, size, place, shlex.join(words), voice)
    else:
        if data is None:
            raise MartletError(f"{name} needs data; give --data and the folder of the data set.")
        command = shlex.join([*words, "--data", str(data)])
        outcome = _train(experiment, data, size, folder, place, how, command, voice)
    for told in (outcome.summary, *outcome.findings):
        voice.say(told)
    written = sorted(path.name for path in outcome.folder.iterdir() if path.suffix in SHOWN)
    voice.say(f"in {outcome.folder}: {', '.join(written)}")
    return outcome


def _time(
    experiment: SpeedExperiment | SharesExperiment,
    size: str,
    place: Path,
    command: str,
    voice: Voice,
) -> Outcome:
    if isinstance(experiment, SharesExperiment):
        voice.say(f"{len(experiment.rows)} networks, by PyTorch's profiler and in C")
        with claimed(place):
            return write_shares(experiment, experiment.sizes[size], place, command)
    chosen = experiment.sizes[size]
    voice.say(
        f"{len(experiment.rows)} rows in {', '.join(chosen.engines)} on "
        f"{', '.join(map(str, chosen.threads))} threads, {chosen.seconds:g} s each"
    )
    with claimed(place):
        timings, lines = speed_measuring.timings(experiment, chosen, place)
        return write_speed_outcome(experiment, chosen, timings, lines, place, command)


def _train(
    experiment: Experiment,
    data: Path,
    size: str,
    folder: Path,
    place: Path,
    how: How,
    command: str,
    voice: Voice,
) -> Outcome:
    chosen = experiment.sizes[size]
    if not experiment.runs_at(size):
        others = [name for name in experiment.sizes if experiment.runs_at(name)]
        raise MartletError(
            f"size={size!r} has no rows in {experiment.name}, whose networks are too large for it; "
            f"give {' or '.join(others)}."
        )
    part = choose_part(data, chosen, folder / WORK)
    tasks, record = tasks_of(experiment, chosen, part), Record(folder)
    left = [task for task in tasks if task.key not in record.rows()]
    voice.say(f"{len(tasks)} runs at size {size}, {len(tasks) - len(left)} of them done already")
    if how.keep and how.ray is not None:
        raise MartletError(
            f"keep=True and ray={how.ray!r} exclude each other, since weights stay on the machines "
            "that made them; leave one of them out."
        )
    writer = _Writer(experiment, size, tasks, record, place, command)
    if not left:
        return writer.finish({})
    carry_out, at_once = _carrying_out(how.ray, how.jobs or (cores() if how.ray is None else None))
    voice.say(f"{at_once} at once")
    queue = Queue(
        tasks,
        record,
        carry_out,
        voice.say,
        keep=lambda task: how.keep or (how.ray is None and is_looked_at(experiment, task)),
        end_runs=end_all,
        after=writer.now_and_then,
    )
    try:
        queue.work_through(at_once)
    except BaseException:
        with suppress(MartletError):  # what ended it is the error that counts
            writer.write(queue.failed)
        raise
    return writer.finish(queue.failed)


@dataclass
class _Writer:
    """Writes what the runs come to so far."""

    experiment: Experiment
    size: str
    tasks: Sequence[Task]
    record: Record
    place: Path
    command: str
    written: float = 0.0

    def now_and_then(self) -> None:
        """Not after each run, for drawing takes a second or two."""
        if time.monotonic() - self.written > BETWEEN_TABLES_SECONDS:
            self.write({})

    def finish(self, failed: Mapping[str, str]) -> Outcome:
        """All of it, with what the networks look at where their weights are here."""
        draw_looked_at(self.experiment, self.tasks, self.record.folder, self.place)
        return self.write(failed)

    def write(self, failed: Mapping[str, str]) -> Outcome:
        """Table, picture and page of the rows that are there."""
        self.written = time.monotonic()
        size = self.experiment.sizes[self.size]
        rows = self.record.rows()
        return write_outcome(
            self.experiment, size, self.tasks, rows, failed, self.place, self.command
        )


def _carrying_out(
    ray: str | None, at_once: int | None
) -> tuple[Callable[[Task, Path], dict[str, Any]], int]:
    """How a run is done, and how many at once: here, or on the machines of a Ray cluster."""
    if ray is not None:
        from martlet.workflows.reproduce.on_ray import connected

        return connected(ray, at_once)
    assert at_once is not None
    threads = max(1, cores() // at_once)
    return partial(_here, threads), at_once


def _here(threads: int, task: Task, folder: Path) -> dict[str, Any]:
    return train_run.carry_out(task, folder, threads)
