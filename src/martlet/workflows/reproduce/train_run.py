"""One run of an experiment, by `martlet train` in a process of its own; then its row."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.measuring.machine import machine
from martlet.training import checkpoint
from martlet.training.run_files import MODEL
from martlet.workflows.attached import end, last_words, start
from martlet.workflows.reproduce.record import OF_BOXES
from martlet.workflows.reproduce.tasks import Task
from martlet.workflows.train.options import TrainOptions

RUN = "run"


def carry_out(task: Task, folder: Path, threads: int) -> dict[str, Any]:
    """Train it in `folder`, on from where a killed run stopped; its row, with its machine's record.

    Raises MartletError with the last words of a run that failed.
    """
    options = options_of(task, folder)
    words = options.words(task.part.data)
    process = start([*words, "--quiet", "--resume"], threads)
    try:
        said = last_words(process)
    finally:
        end(process)
    if process.returncode:
        raise MartletError(f"{said}.")
    return row_of(task, folder / RUN / MODEL, threads)


def options_of(task: Task, folder: Path) -> TrainOptions:
    """All that `train` is told, with where the run lies."""
    given: dict[str, Any] = {"workers": 0, "log": "none", **task.options, **task.part.options}
    if task.part.train:
        given |= {"root": task.part.root, "val": given.get("val", 0.0)}
    options = TrainOptions(**given, given=frozenset(given))
    return replace(options, folder=folder, name=RUN, quiet=True)


def row_of(task: Task, path: Path, threads: int) -> dict[str, Any]:
    """What runs.csv says of a finished run."""
    header = checkpoint.load_header(path)
    metrics, network = header.metrics, header.network
    if "part" not in metrics:
        raise MartletError("it ended before it was scored.")
    once = cost(network.build(), (1, *header.preprocess.shape))
    shown = {name: value for name, value in task.options.items() if name not in ("model", "seed")}
    counts = {part: sum(found) for part, found in metrics["counts"].items()}
    return {
        "key": task.key,
        "data": task.part.digest,
        "train": counts.get("train", 0),
        "test": counts.get(metrics["part"], 0),
        "model": network.name,
        "options": json.dumps(shown, sort_keys=True),
        "seed": task.seed,
        **{name: f"{metrics[name]:.5f}" for name in ("top1", *OF_BOXES) if name in metrics},
        "loss": f"{metrics['loss']:.4f}" if "loss" in metrics else "",
        "seconds": f"{metrics['seconds']:.1f}",
        "threads": threads,
        "params": once.params,
        "macs": once.macs,
        "bytes_moved": once.bytes_moved,
        "date": date.today().isoformat(),
        **machine(),
    }
