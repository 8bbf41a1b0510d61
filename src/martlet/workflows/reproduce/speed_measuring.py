"""Rows and engines of an experiment of speed, timed in turns on this machine."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from martlet.errors import MartletError
from martlet.measuring.cost import Cost, cost
from martlet.measuring.engines import Engine
from martlet.measuring.latency import latency
from martlet.measuring.machine import machine
from martlet.models import create_model, spec
from martlet.models.shufflenet_v2_guidelines import Stack, make_guideline
from martlet.models.spec import input_shape
from martlet.storage.csv_rows import read_rows, write_rows
from martlet.workflows.measure import engines_of
from martlet.workflows.reproduce.speed import SpeedExperiment, SpeedRow, SpeedSize

NAME, VERSION = "speeds.csv", "1"
# Of its record: times of another machine, or of other versions, are others.
SAME_MACHINE = ("cpu", "usable_cores", "torch", "onnxruntime", "martlet")
BETWEEN = " | "  # a row's and an engine's name, in the name of what is timed
ATTEMPTS = 2


@dataclass(frozen=True)
class Timing:
    """Milliseconds of a call, and the medians of its rounds; the cost is that of one input."""

    row: str
    engine: str
    threads: int
    batch: int
    median_ms: float
    p10_ms: float
    p90_ms: float
    rounds_ms: tuple[float, ...]
    reliable: bool
    macs: int
    params: int
    bytes_moved: int


def timings(
    experiment: SpeedExperiment, size: SpeedSize, folder: Path
) -> tuple[list[Timing], list[dict[str, str]]]:
    """Of each row, engine and number of threads, with the lines of speeds.csv that they are.

    What speeds.csv in `folder` has of this machine is not measured again, unless the machine was
    busy, a number of threads being measured whole or not at all; what it has of others is kept.
    """
    here, lines = machine(), read_lines(folder / NAME)
    for threads in size.threads:
        key = _key(experiment, size, threads)
        known = [line for line in lines if line["key"] == key and _same(line, here)]
        if known and all(line["reliable"] == "True" for line in known):
            continue
        kept = [line for line in lines if not (line["key"] == key and _same(line, here))]
        record = {"date": date.today().isoformat(), **machine()}
        measured = measure(experiment.rows, size, threads)
        lines = kept + [_line(key, timing, record) for timing in measured]
        write_rows(folder / NAME, lines)
    keys = {_key(experiment, size, threads) for threads in size.threads}
    mine = [line for line in lines if line["key"] in keys and _same(line, here)]
    return [_timing(line) for line in mine], mine


def measure(rows: Sequence[SpeedRow], size: SpeedSize, threads: int) -> list[Timing]:
    """All rows and engines in turns, so that a slow moment of the machine meets all of them."""
    costs: dict[str, Cost] = {}
    engines: list[Engine] = []
    with ExitStack() as stack:
        for row in rows:
            model, shape, outputs = network_of(row)
            costs[row.name] = cost(model, (1, *shape))
            made = stack.enter_context(engines_of(model, shape, size.engines, threads, outputs))
            batch = np.random.default_rng(0).standard_normal((size.batch, *shape), np.float32)
            engines += [_fixed(engine, row, batch) for engine in made]
        found = latency(
            engines,
            np.zeros((size.batch, 1), np.float32),  # each has its own inputs
            seconds=size.seconds,
            rounds=size.rounds,
            attempts=ATTEMPTS,
        )
    timed = []
    for one in found:
        row_name, _, engine_name = one.engine.partition(BETWEEN)
        price = costs[row_name]
        timed.append(
            Timing(
                row_name, engine_name, threads, size.batch, one.median_ms, one.p10_ms, one.p90_ms,
                one.round_medians_ms, one.reliable, price.macs, price.params, price.bytes_moved,
            )
        )  # fmt: skip
    return timed


def network_of(row: SpeedRow) -> tuple[nn.Module, tuple[int, ...], int]:
    """The network of a row with fresh weights, the shape of its input, and how many outputs."""
    torch.manual_seed(0)
    if row.stack is not None:
        stack = Stack(make_guideline(row.stack, **row.sizes)).eval()
        return stack, stack.shape, stack.num_classes
    network = create_model(str(row.model), **dict(row.options)).eval()
    channels, *usual = input_shape(spec(str(row.model)))
    return network, (channels, *(row.side or usual)), network.num_classes


def _fixed(engine: Engine, row: SpeedRow, batch: "np.ndarray[Any, Any]") -> Engine:
    """The engine with inputs of its own."""
    name = f"{row.name}{BETWEEN}{engine.name}"
    return Engine(name, engine.threads, lambda _: engine.run(batch), engine.active)


def _key(experiment: SpeedExperiment, size: SpeedSize, threads: int) -> str:
    """Of everything that decides what is measured."""
    rows = [{**asdict(row), "paper": None, "group": None} for row in experiment.rows]
    how = [size.engines, threads, size.batch, size.seconds, size.rounds]
    text = json.dumps([rows, how], sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _same(line: Mapping[str, str], here: Mapping[str, str]) -> bool:
    return all(line.get(name) == here[name] for name in SAME_MACHINE)


def _line(key: str, timing: Timing, record: Mapping[str, str]) -> dict[str, str]:
    values = {name: str(value) for name, value in asdict(timing).items()}
    for name in ("median_ms", "p10_ms", "p90_ms"):
        values[name] = f"{getattr(timing, name):.4f}"
    values["rounds_ms"] = " ".join(f"{value:.4f}" for value in timing.rounds_ms)
    return {"version": VERSION, "key": key, **values, **record}


def _timing(line: Mapping[str, str]) -> Timing:
    return Timing(
        row=line["row"],
        engine=line["engine"],
        threads=int(line["threads"]),
        batch=int(line["batch"]),
        median_ms=float(line["median_ms"]),
        p10_ms=float(line["p10_ms"]),
        p90_ms=float(line["p90_ms"]),
        rounds_ms=tuple(float(value) for value in line["rounds_ms"].split()),
        reliable=line["reliable"] == "True",
        macs=int(line["macs"]),
        params=int(line["params"]),
        bytes_moved=int(line["bytes_moved"]),
    )


def read_lines(path: Path) -> list[dict[str, str]]:
    """The lines of a speeds.csv, none where there is no file; MartletError for another version."""
    lines = read_rows(path)
    for number, line in enumerate(lines, 2):
        if line.get("version") != VERSION or None in {*line, *line.values()}:
            raise MartletError(
                f"{path}, line {number}: a row of version {line.get('version')!r}, or a cut "
                f"one, and this martlet reads and writes whole ones of {VERSION!r}; move the file "
                "away, or give another folder."
            )
    return lines
