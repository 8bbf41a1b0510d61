"""Experiments of where the time goes (`kind = "operators"`): each kind of operator's share, by
PyTorch's profiler and by the compiler's report."""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from martlet.compiler import profile_onnx
from martlet.errors import MartletError
from martlet.exporting import export_onnx
from martlet.measuring.machine import machine
from martlet.measuring.operator_times import LEAST_CALLS, operator_times, shares
from martlet.report.experiment_page import ExperimentPage
from martlet.report.shares_figure import Shares, draw_shares
from martlet.workflows.reproduce.experiment import SIZES, Heading
from martlet.workflows.reproduce.experiment_file import HEADING, ExperimentFile
from martlet.workflows.reproduce.outcome import Outcome, machines_of, write_texts
from martlet.workflows.reproduce.speed import SpeedRow
from martlet.workflows.reproduce.speed_file import read_row
from martlet.workflows.reproduce.speed_measuring import network_of

OPERATORS = "operators"
KEYS = (*HEADING, "kind", "rows", *SIZES)
SIZE: Mapping[str, Any] = {"seconds": float, "calls": int, "minutes": float | None}
CAVEAT = (
    "Times of one thread of this machine, a network at a time, with fresh weights. PyTorch's are "
    "those of its profiler, which slows small operators down; in C activations and sums are part "
    "of the convolutions before them."
)


@dataclass(frozen=True, kw_only=True)
class SharesSize:
    """How long: seconds of the compiled network, calls of PyTorch's."""

    name: str
    seconds: float = 1.0
    calls: int = 30
    minutes: float | None = None


@dataclass(frozen=True, kw_only=True)
class SharesExperiment(Heading):
    """Networks whose time is divided; attributes as of an Experiment."""

    rows: Sequence[SpeedRow]
    sizes: Mapping[str, SharesSize]


def read_shares(file: ExperimentFile) -> SharesExperiment:
    """All of it; raises MartletError for whatever is wrong in the file."""
    file.check_keys(KEYS)
    rows = [read_row(file, given) for given in file.tables("rows")]
    file.check_names([row.name for row in rows])
    return SharesExperiment(
        **file.heading(),
        rows=rows,
        sizes={name: _size(file, name) for name in SIZES},
    )


def _size(file: ExperimentFile, name: str) -> SharesSize:
    own = file.table(name)
    file.fitting(own, SIZE, f"[{name}]")
    usual: dict[str, Any] = {"seconds": 0.05, "calls": LEAST_CALLS} if name == "tiny" else {}
    size = SharesSize(name=name, **{**usual, **own})
    if size.calls < LEAST_CALLS or not size.seconds > 0:
        raise MartletError(
            f"{file.at(f'[{name}]')}: calls is {LEAST_CALLS} or more, and seconds above 0."
        )
    return size


def write_shares(
    experiment: SharesExperiment, size: SharesSize, folder: Path, command: str
) -> Outcome:
    """Measure all rows, and write table.md, picture.png, page.html and outcome.json."""
    folder.mkdir(parents=True, exist_ok=True)
    bars = [bar for row in experiment.rows for bar in _bars(row, size)]
    record = {"date": date.today().isoformat(), **machine(), "threads": "1"}
    table, told = _table(bars), _told(bars)
    doubt = " ".join(part for part in (experiment.note, CAVEAT) if part)
    title = f"{experiment.title}, size {size.name}"
    draw_shares(bars, folder / "picture.png", title, told)
    page = ExperimentPage(
        title=experiment.title,
        source=experiment.source,
        asks=experiment.asks,
        size=size.name,
        summary=told,
        caveat=doubt,
        findings=[],
        head=table[0],
        body=table[1:],
        picture=folder / "picture.png",
        pictured="Shares of the time",
        settings={"seconds": size.seconds, "calls": size.calls},
        machines=machines_of([record]),
        command=command,
    )
    write_texts(page, folder, rows=len(experiment.rows), runs=len(bars))
    return Outcome(folder, told, [], table, {})


def _bars(row: SpeedRow, size: SharesSize) -> list[Shares]:
    """PyTorch's, and that of the network in C."""
    model, shape, outputs = network_of(row)
    times = operator_times(model, (1, *shape), calls=size.calls)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.onnx"
        classes = [str(number) for number in range(outputs)]
        export_onnx(model, path, preprocess=None, shape=shape, classes=classes)
        profile = profile_onnx(path, seconds=size.seconds)
    in_c: Counter[str] = Counter()
    for layer in profile.layers:
        in_c[layer.operator] += layer.milliseconds  # type: ignore[assignment]
    return [_bar(f"{row.name}, PyTorch", times), _bar(f"{row.name}, C", in_c)]


def _bar(name: str, times: Mapping[str, float]) -> Shares:
    return Shares(name, sum(times.values()), shares(times))


def _table(bars: Sequence[Shares]) -> list[list[str]]:
    kinds = list(dict.fromkeys(kind for bar in bars for kind in bar.shares))
    head = ["", "ms", *kinds]
    return [
        head,
        *(
            [bar.name, f"{bar.milliseconds:.2f}", *(f"{bar.shares.get(k, 0):.1%}" for k in kinds)]
            for bar in bars
        ),
    ]


def _told(bars: Sequence[Shares]) -> str:
    """How much of the time are convolutions, bar by bar."""
    parts = []
    for bar in bars:
        share = sum(value for kind, value in bar.shares.items() if "convolution" in kind)
        parts.append(f"{bar.name}: {share:.0%}")
    return f"Share of the time in convolutions, which have nearly all MACs. {'; '.join(parts)}."
