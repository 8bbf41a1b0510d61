"""What is written of an experiment: table, picture and page, from the rows that are there."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from martlet.report.experiment_figure import Names, Point, draw_experiment
from martlet.report.experiment_page import ExperimentPage, write_experiment_page
from martlet.storage.csv_rows import as_text
from martlet.storage.files import write_text
from martlet.workflows.reproduce.experiment import Experiment, Size
from martlet.workflows.reproduce.findings import (
    Cell,
    cells_of,
    figures_of,
    finding_of,
    order_of,
)
from martlet.workflows.reproduce.looked_at import NAME as LOOKED_AT
from martlet.workflows.reproduce.tables import lines_of, markdown_of, paper_macs, table_of
from martlet.workflows.reproduce.tasks import Task
from martlet.workflows.reproduce.wording import caveat, sentence, summary

OUTCOME = "outcome.json"
OF_MACHINE = ("cpu", "cores", "memory_gib", "os", "python", "torch", "martlet", "threads")


@dataclass(frozen=True)
class Outcome:
    """Where the table, the picture and the page lie, and what they say.

    Attributes:
        folder: of this experiment at this size.
        summary: in a few sentences.
        findings: a sentence for each claim.
        table: of the page, its head first.
        failed: run -> why it is missing.
    """

    folder: Path
    summary: str
    findings: Sequence[str]
    table: Sequence[Sequence[str]]
    failed: Mapping[str, str]


def write_outcome(
    experiment: Experiment,
    size: Size,
    tasks: Sequence[Task],
    rows: Mapping[str, Mapping[str, str]],
    failed: Mapping[str, str],
    folder: Path,
    command: str,
) -> Outcome:
    """Write table.csv, table.md, picture.png, page.html and outcome.json into `folder`.

    rows: of runs.csv, by key. failed: key -> why there is none.
    """
    done = {(task.row, task.seed): rows[task.key] for task in tasks if task.key in rows}
    why = {task.row: failed[task.key] for task in tasks if task.key in failed}
    cells, figures = cells_of(experiment, size, done, why), figures_of(experiment, done)
    findings = [finding_of(one, experiment, figures) for one in experiment.claims_at(size.name)]
    sentences = [sentence(finding) for finding in findings]
    told = summary(experiment, size, cells, findings, order_of(experiment, figures))
    shown = next((cell.value for cell in cells if cell.value), None)
    doubt = " ".join(
        part for part in (experiment.note, caveat(size, shown, bool(tasks[0].part.train))) if part
    )
    write_text(folder / "table.csv", as_text(lines_of(experiment, cells)))
    picture = folder / "picture.png" if shown else None
    if picture is not None:
        _draw(experiment, size, cells, picture, told)
    looked_at = folder / LOOKED_AT
    head, *body = table = table_of(experiment, cells)
    page = ExperimentPage(
        title=experiment.title,
        source=experiment.source,
        asks=experiment.asks,
        size=size.name,
        summary=told,
        caveat=doubt,
        findings=sentences,
        head=head,
        body=body,
        picture=picture,
        looked_at=looked_at if looked_at.exists() else None,
        settings=_settings(size, tasks),
        machines=machines_of(list(done.values())),
        command=command,
    )
    seconds = sum(float(row["seconds"]) * int(row["threads"]) for row in done.values())
    write_texts(
        page,
        folder,
        rows=sum(cell.row.model is not None for cell in cells),
        runs=len(done),
        core_minutes=round(seconds / 60, 1),
    )
    holes = {task.label: failed[task.key] for task in tasks if task.key in failed}
    return Outcome(folder, told, sentences, table, holes)


def write_texts(page: ExperimentPage, folder: Path, **counts: float) -> None:
    """page.html, and what it says as table.md for people and as outcome.json for programs.

    counts: what outcome.json has besides, such as the number of runs.
    """
    write_experiment_page(folder / "page.html", page)
    bullets = "\n".join(f"- {one}" for one in page.findings)
    told = [part for part in (page.summary, page.caveat, bullets) if part]
    write_text(folder / "table.md", markdown_of(page, told))
    content = {"summary": page.summary, "findings": list(page.findings), **counts}
    write_text(folder / OUTCOME, json.dumps({**content, "machines": page.machines}, indent=1))


def _draw(experiment: Experiment, size: Size, cells: Sequence[Cell], path: Path, told: str) -> None:
    points = [
        Point(
            name=cell.row.name,
            macs=float(cell.macs),
            value=cell.value.mean if cell.value else None,
            low=cell.value.low if cell.value else None,
            high=cell.value.high if cell.value else None,
            paper=cell.row.paper,
            paper_macs=paper_macs(cell.row),
        )
        for cell in cells
    ]
    names = Names(f"{experiment.figure} here, %", f"the paper: {experiment.unit}")
    draw_experiment(points, names, path, f"{experiment.title}, size {size.name}", told)


def _settings(size: Size, tasks: Sequence[Task]) -> dict[str, Any]:
    """What all runs have in common; what differs is in their rows."""
    part, first = tasks[0].part, tasks[0].options
    counts = {"training samples": part.train, "test samples": part.test} if part.train else {}
    common = {
        name: value
        for name, value in first.items()
        if name not in ("model", "model_options", "seed")
        and all(task.options.get(name) == value for task in tasks)
    }
    return {**counts, "seeds": size.seeds, "data": part.digest, **common}


def machines_of(rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Each value that the runs' machines had, with how many runs, where there are several."""
    found = {}
    for name in OF_MACHINE:
        counts = Counter(row.get(name, "") for row in rows)
        found[name] = ", ".join(
            f"{value} ({count} runs)" if len(counts) > 1 else value
            for value, count in counts.most_common()
        )
    return found if rows else {}
