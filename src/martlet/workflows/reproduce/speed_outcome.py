"""What is written of an experiment of speed: table, picture and page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from martlet.report.experiment_page import ExperimentPage
from martlet.report.speed_figure import Bars, Group, draw_speed
from martlet.workflows.reproduce.findings import AGAINST, HOLDS, OPEN
from martlet.workflows.reproduce.outcome import Outcome, machines_of, write_texts
from martlet.workflows.reproduce.speed import IMAGES, SpeedExperiment, SpeedRow, SpeedSize
from martlet.workflows.reproduce.speed_findings import (
    ENGINE_NAMES,
    EQUAL,
    SpeedFinding,
    column,
    figure_of,
    in_words,
    ratio_of,
    speed_findings,
    speed_in_paper,
)
from martlet.workflows.reproduce.speed_measuring import Timing

CAVEAT = (
    "Times of this machine, the rows and engines in turns in one run, with fresh weights; bytes "
    "moved are those of float32, operator by operator, none fused."
)
BUSY = "The machine was busy during some of them: the same command measures them again."


def write_speed_outcome(
    experiment: SpeedExperiment,
    size: SpeedSize,
    timings: Sequence[Timing],
    lines: Sequence[Mapping[str, str]],
    folder: Path,
    command: str,
) -> Outcome:
    """Write table.md, picture.png, page.html and outcome.json beside speeds.csv."""
    found = speed_findings(experiment, timings)
    sentences, told = in_words(found), _summary(found)
    doubt = " ".join(
        part
        for part in (
            experiment.note,
            CAVEAT,
            "" if all(timing.reliable for timing in timings) else BUSY,
        )
        if part
    )
    table = table_of(experiment, timings)
    title = f"{experiment.title}, size {size.name}"
    draw_speed(_groups(experiment, timings), folder / "picture.png", title, told)
    page = ExperimentPage(
        title=experiment.title,
        source=experiment.source,
        asks=experiment.asks,
        size=size.name,
        summary=told,
        caveat=doubt,
        findings=sentences,
        head=table[0],
        body=table[1:],
        picture=folder / "picture.png",
        pictured="Times as fast as the first of each group",
        settings={"seconds": size.seconds, "rounds": size.rounds, "batch": size.batch},
        machines=machines_of(lines),
        command=command,
    )
    write_texts(page, folder, rows=len(experiment.rows), runs=len(timings))
    return Outcome(folder, told, sentences, table, {})


def _summary(found: Sequence[SpeedFinding]) -> str:
    """How many claims hold in which engine."""
    if not found:
        return "No claim is tested; the table has the times."
    parts = []
    for engine, threads in dict.fromkeys((one.engine, one.threads) for one in found):
        here = [one for one in found if (one.engine, one.threads) == (engine, threads)]
        counts = Counter(one.verdict for one in here)
        name = ENGINE_NAMES.get(engine, engine)
        parts.append(
            f"{name} on {threads} thread{'s' if threads > 1 else ''}: {counts[HOLDS]} hold, "
            f"{counts[EQUAL]} are equal, {counts[AGAINST]} the other way, {counts[OPEN]} open"
        )
    claims = len({one.claim.says for one in found})
    return f"{claims} claims. {'; '.join(parts)}."


def table_of(experiment: SpeedExperiment, timings: Sequence[Timing]) -> list[list[str]]:
    """The table for people, its head first: the figure, and in brackets the multiple of the first
    row of the group."""
    columns = list(dict.fromkeys(map(column, timings)))
    by_place = {(timing.row, *column(timing)): timing for timing in timings}
    unit = "images/s" if experiment.figure == IMAGES else "ms"
    head = ["", "MACs", "bytes moved"]
    head += [f"{ENGINE_NAMES.get(e, e)}, {t} thread{'s' * (t > 1)}, {unit}" for e, t in columns]
    head.append(f"paper: {experiment.unit}")
    table = [head]
    for row in experiment.rows:
        first = experiment.first_of(row)
        any_of = next(timing for timing in timings if timing.row == row.name)
        line = [row.name, f"{any_of.macs / 1e6:.1f}M", f"{any_of.bytes_moved / 1e6:.2f} MB"]
        for place in columns:
            timing, base = by_place[row.name, *place], by_place[first.name, *place]
            times = ratio_of(timing, base).value
            line.append(f"{figure_of(experiment, timing):.4g} ({times:.2f})")
        table.append([*line, _printed(experiment, row, first)])
    return table


def _printed(experiment: SpeedExperiment, row: SpeedRow, first: SpeedRow) -> str:
    mine, base = speed_in_paper(experiment, row), speed_in_paper(experiment, first)
    if mine is None:
        return ""
    return f"{row.paper:g}" + (f" ({mine / base:.2f})" if base else "")


def _groups(experiment: SpeedExperiment, timings: Sequence[Timing]) -> list[Group]:
    by_row: dict[str, dict[tuple[str, int], Timing]] = {}
    for timing in timings:
        by_row.setdefault(timing.row, {})[column(timing)] = timing
    groups: dict[str, list[Bars]] = {}
    for row in experiment.rows:
        first = experiment.first_of(row)
        mine, base = speed_in_paper(experiment, row), speed_in_paper(experiment, first)
        values = {
            (ENGINE_NAMES.get(place[0], place[0]), place[1]): ratio_of(
                timing, by_row[first.name][place]
            ).value
            for place, timing in by_row[row.name].items()
        }
        paper = mine / base if mine and base else None
        groups.setdefault(row.group, []).append(Bars(row.name, values, paper))
    return [Group(name, rows) for name, rows in groups.items()]
