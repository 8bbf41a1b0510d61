"""What the runs of an experiment come to: means with intervals, and what becomes of its claims.

An interval is that of Student's t for the mean over the seeds, at 95 %. Runs with one seed share
their initial numbers and the order of their samples as far as the networks allow, so that claims
are of differences seed by seed. Of pictures the test samples are the same in all runs: there the
intervals say how sure a difference is on these, not on others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from scipy.stats import spearmanr, t

from martlet.workflows.reproduce.experiment import Claim, Experiment, Row, Size
from martlet.workflows.reproduce.record import OF_BOXES

SURE = 0.95
LEAST_GAP = 0.1  # points, up to which the paper puts two rows in no order
HOLDS, AGAINST, OPEN, ONE_SEED, MISSING = "holds", "against", "open", "one seed", "not run"


@dataclass(frozen=True)
class Interval:
    """A mean over seeds, and where it lies with 95 %; None for a single seed."""

    mean: float
    low: float | None
    high: float | None
    seeds: int


@dataclass(frozen=True)
class Cell:
    """A row's figure, in percent, beside the paper's."""

    row: Row
    value: Interval | None  # None where no run is done
    params: int
    macs: int
    bytes_moved: int
    seconds: float  # of the median run
    failed: str = ""


@dataclass(frozen=True)
class Finding:
    """What became of a claim: the points by which it holds, ours and the paper's."""

    claim: Claim
    verdict: str
    points: Interval | None
    paper: float | None


@dataclass(frozen=True)
class Order:
    """Pairs of rows that the paper puts in an order: in how many ours is the same, beyond the
    interval, in how many the other way, in how many open; and Spearman's correlation of the means.
    """

    same: int
    against: int
    open: int
    correlation: float | None


def interval(values: Sequence[float]) -> Interval:
    """The mean of one or more values, with its interval from two values on."""
    mean, count = fmean(values), len(values)
    if count < 2:
        return Interval(mean, None, None, count)
    around = float(t.ppf((1 + SURE) / 2, count - 1)) * stdev(values) / sqrt(count)
    return Interval(mean, mean - around, mean + around, count)


def figures_of(
    experiment: Experiment, done: Mapping[tuple[str, int], Mapping[str, str]]
) -> dict[str, dict[int, float]]:
    """Row -> seed -> percent: the error, the accuracy or the AP, as the paper has it."""
    figure = experiment.figure
    column = figure if figure in OF_BOXES else "top1"
    found: dict[str, dict[int, float]] = {}
    for (name, seed), row in done.items():
        value = 100 * float(row[column])
        found.setdefault(name, {})[seed] = 100 - value if figure == "error" else value
    return found


def cells_of(
    experiment: Experiment,
    size: Size,
    done: Mapping[tuple[str, int], Mapping[str, str]],
    failed: Mapping[str, str],
) -> list[Cell]:
    """A cell for each row of the size.

    done: (row, seed) -> its line of runs.csv. failed: row -> why a run of it is missing.
    """
    figures = figures_of(experiment, done)
    cells = []
    for row in experiment.rows_at(size.name):
        lines = [done[row.name, seed] for seed in figures.get(row.name, {})]
        cost = lines[0] if lines else {}
        seconds = sorted(float(line["seconds"]) for line in lines)
        cells.append(
            Cell(
                row=row,
                value=interval(list(figures[row.name].values())) if lines else None,
                params=int(cost.get("params", 0)),
                macs=int(cost.get("macs", 0)),
                bytes_moved=int(cost.get("bytes_moved", 0)),
                seconds=seconds[len(seconds) // 2] if seconds else 0.0,
                failed=failed.get(row.name, ""),
            )
        )
    return cells


def finding_of(
    claim: Claim, experiment: Experiment, figures: Mapping[str, Mapping[int, float]]
) -> Finding:
    """Whether the points by which the claim holds are above 0, over the seeds that all rows have.

    Claims are of errors; of accuracies the signs are turned.
    """
    weights = claim.weights
    turned = 1.0 if experiment.figure == "error" else -1.0
    printed = {row.name: row.paper for row in experiment.rows}
    known = [printed[name] for name in weights]
    paper = None
    if None not in known:
        paper = turned * sum(
            weight * value
            for weight, value in zip(weights.values(), known, strict=True)
            if value is not None
        )
    seeds = set.intersection(*(set(figures.get(name, {})) for name in weights))
    if not seeds:
        return Finding(claim, MISSING, None, paper)
    points = interval(
        [
            turned * sum(weight * figures[name][seed] for name, weight in weights.items())
            for seed in sorted(seeds)
        ]
    )
    return Finding(claim, verdict_of(points), points, paper)


def verdict_of(points: Interval) -> str:
    """Above 0 for certain, below it, or neither."""
    if points.low is None or points.high is None:
        return ONE_SEED
    return HOLDS if points.low > 0 else AGAINST if points.high < 0 else OPEN


def order_of(experiment: Experiment, figures: Mapping[str, Mapping[int, float]]) -> Order | None:
    """How the rows' order is that of the paper; None with fewer than three rows of several
    seeds."""
    rows = [
        row
        for row in experiment.rows
        if row.paper is not None and len(figures.get(row.name, {})) > 1
    ]
    if len(rows) < 3:
        return None
    counts = {HOLDS: 0, AGAINST: 0, OPEN: 0}
    for number, one in enumerate(rows):
        for other in rows[number + 1 :]:
            assert one.paper is not None
            assert other.paper is not None
            if abs(one.paper - other.paper) < LEAST_GAP:
                continue
            above = 1.0 if one.paper > other.paper else -1.0
            mine, its = figures[one.name], figures[other.name]
            shared = sorted(set(mine) & set(its))
            points = interval([above * (mine[seed] - its[seed]) for seed in shared] or [0.0])
            verdict = verdict_of(points)
            counts[verdict if verdict in counts else OPEN] += 1
    means = [fmean(figures[row.name].values()) for row in rows]
    correlation = None
    if len(set(means)) > 1 and len({row.paper for row in rows}) > 1:
        correlation = float(spearmanr(means, [row.paper for row in rows]).statistic)
    return Order(counts[HOLDS], counts[AGAINST], counts[OPEN], correlation)
