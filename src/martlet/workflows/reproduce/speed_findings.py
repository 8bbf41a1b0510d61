"""What timings come to: how much faster one row is than another, engine by engine.

A ratio is that of two rows in the same rounds, its interval Student's t at 95 % over the rounds, on
a logarithmic scale. It says how sure the ratio is for these files on this machine; other weights,
compilers and machines are others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from martlet.workflows.reproduce.experiment import Claim
from martlet.workflows.reproduce.findings import AGAINST, HOLDS, OPEN, interval
from martlet.workflows.reproduce.speed import IMAGES, SpeedExperiment, SpeedRow
from martlet.workflows.reproduce.speed_measuring import Timing

EQUAL = "equal"
EQUAL_WITHIN = 1.05  # both ends of an interval, where two speeds are called equal
SAME = 1.03  # up to here two speeds are called the same: code lies elsewhere in each build
ENGINE_NAMES = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime", "c": "C"}


@dataclass(frozen=True)
class Ratio:
    """How many times as fast, with its interval; None where there were not two rounds."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class SpeedFinding:
    """A claim in one engine at a number of threads."""

    claim: Claim
    engine: str
    threads: int
    verdict: str
    ratio: Ratio
    paper: float | None


def column(timing: Timing) -> tuple[str, int]:
    """Engine and threads."""
    return timing.engine, timing.threads


def figure_of(experiment: SpeedExperiment, timing: Timing) -> float:
    """In the experiment's unit: inputs a second, or milliseconds of a call."""
    if experiment.figure == IMAGES:
        return 1000 * timing.batch / timing.median_ms
    return timing.median_ms


def speed_in_paper(experiment: SpeedExperiment, row: SpeedRow) -> float | None:
    """Of the printed figure, more is faster."""
    if row.paper is None:
        return None
    return row.paper if experiment.figure == IMAGES else 1000 / row.paper


def ratio_of(fast: Timing, slow: Timing) -> Ratio:
    """How many times as fast the first is."""
    logs = [log(b / a) for a, b in zip(fast.rounds_ms, slow.rounds_ms, strict=True)]
    found = interval(logs)
    if found.low is None or found.high is None:
        return Ratio(exp(found.mean), None, None)
    return Ratio(exp(found.mean), exp(found.low), exp(found.high))


def verdict_of(ratio: Ratio) -> str:
    """Faster by more than SAME, slower by more than it, the same within it, or open."""
    if ratio.low is None or ratio.high is None:
        return OPEN
    if ratio.low > 1 and ratio.value > SAME:
        return HOLDS
    if ratio.high < 1 and ratio.value < 1 / SAME:
        return AGAINST
    return EQUAL if ratio.low > 1 / EQUAL_WITHIN and ratio.high < EQUAL_WITHIN else OPEN


def speed_findings(experiment: SpeedExperiment, timings: Sequence[Timing]) -> list[SpeedFinding]:
    """Each claim in each column."""
    by_place = {(timing.row, *column(timing)): timing for timing in timings}
    rows = {row.name: row for row in experiment.rows}
    found = []
    for claim in experiment.claims:
        better, worse = claim.better[0], claim.worse[0]
        printed = [speed_in_paper(experiment, rows[name]) for name in (better, worse)]
        paper = printed[0] / printed[1] if printed[0] and printed[1] else None
        for engine, threads in dict.fromkeys(map(column, timings)):
            ratio = ratio_of(by_place[better, engine, threads], by_place[worse, engine, threads])
            found.append(SpeedFinding(claim, engine, threads, verdict_of(ratio), ratio, paper))
    return found


def in_words(found: Sequence[SpeedFinding]) -> list[str]:
    """A sentence for each claim: all columns, then the paper's ratio."""
    sentences = []
    by_claim: dict[str, list[SpeedFinding]] = {}
    for one in found:
        by_claim.setdefault(one.claim.says, []).append(one)
    words: Mapping[str, str] = {
        HOLDS: "holds",
        AGAINST: "the other way",
        OPEN: "open",
        EQUAL: "equal",
    }
    for says, findings in by_claim.items():
        parts = [
            f"{ENGINE_NAMES.get(one.engine, one.engine)}, {one.threads} "
            f"thread{'s' if one.threads > 1 else ''}: {words[one.verdict]}, {_ratio(one.ratio)}"
            for one in findings
        ]
        paper = findings[0].paper
        printed = "" if paper is None else f"; the paper: {paper:.2f} times"
        sentences.append(f"{says}. {'; '.join(parts)}{printed}.")
    return sentences


def _ratio(ratio: Ratio) -> str:
    if ratio.low is None or ratio.high is None:
        return f"{ratio.value:.2f} times as fast in one round"
    return f"{ratio.value:.2f} times as fast ({ratio.low:.2f} to {ratio.high:.2f})"
