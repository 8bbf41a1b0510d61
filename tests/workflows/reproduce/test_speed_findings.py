"""Ratios of timings, their intervals and what is said of them."""

from math import exp, log

import pytest
from scipy import stats

from martlet.workflows.reproduce.experiment import Claim
from martlet.workflows.reproduce.findings import AGAINST, HOLDS, OPEN
from martlet.workflows.reproduce.speed import MILLISECONDS, SpeedExperiment, SpeedRow
from martlet.workflows.reproduce.speed_findings import (
    EQUAL,
    Ratio,
    in_words,
    ratio_of,
    speed_findings,
    verdict_of,
)
from martlet.workflows.reproduce.speed_measuring import Timing


def timing(row: str, rounds: list[float], engine: str = "c", threads: int = 1) -> Timing:
    middle = sorted(rounds)[len(rounds) // 2]
    return Timing(
        row, engine, threads, 1, middle, min(rounds), max(rounds), tuple(rounds), True, 10, 5, 20
    )


def experiment(figure: str = "images per second", papers: tuple[float, float] = (20.0, 10.0)):
    rows = [
        SpeedRow(name="quick", stack="g1", paper=papers[0]),
        SpeedRow(name="slow", stack="g1", paper=papers[1]),
    ]
    claim = Claim(says="It is so", better=["quick"], worse=["slow"])
    return SpeedExperiment(
        name="one", title="One", source="Paper", asks="?", unit="images/s", figure=figure,
        rows=rows, claims=[claim], sizes={},
    )  # fmt: skip


def test_a_ratio_is_that_of_the_same_rounds() -> None:
    quick, slow = [1.0, 1.2, 1.1], [2.0, 2.5, 2.1]
    found = ratio_of(timing("quick", quick), timing("slow", slow))
    logs = [log(b / a) for a, b in zip(quick, slow, strict=True)]
    sure = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((exp(sure.low), exp(sure.high)))
    assert found.value == pytest.approx(exp(sum(logs) / 3))
    assert ratio_of(timing("a", [1.0]), timing("b", [2.0])) == Ratio(2.0, None, None)


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (Ratio(1.2, 1.1, 1.3), HOLDS),
        (Ratio(1.02, 1.01, 1.03), EQUAL),  # code lies elsewhere in each build
        (Ratio(1.2, 0.9, 1.5), OPEN),
        (Ratio(0.8, 0.7, 0.9), AGAINST),
        (Ratio(0.98, 0.97, 0.99), EQUAL),
        (Ratio(3.0, None, None), OPEN),
    ],
)
def test_a_verdict_needs_interval_and_size(ratio: Ratio, verdict: str) -> None:
    assert verdict_of(ratio) == verdict


def test_a_claim_is_told_for_every_engine_beside_the_paper() -> None:
    timings = [
        timing("quick", [1.0, 1.01, 0.99]),
        timing("slow", [2.0, 2.02, 1.98]),
        timing("quick", [3.0, 3.01, 2.99], "torch", 2),
        timing("slow", [2.0, 2.02, 1.98], "torch", 2),
    ]
    found = speed_findings(experiment(), timings)
    assert [(one.engine, one.threads, one.verdict) for one in found] == [
        ("c", 1, HOLDS), ("torch", 2, AGAINST),
    ]  # fmt: skip
    (told,) = in_words(found)
    assert told.startswith("It is so. C, 1 thread: holds, 2.00 times as fast (2.00 to 2.00); ")
    assert "PyTorch, 2 threads: the other way, 0.67 times as fast" in told
    assert told.endswith("; the paper: 2.00 times.")


def test_milliseconds_are_fast_where_they_are_few() -> None:
    timings = [timing("quick", [1.0, 1.0]), timing("slow", [2.0, 2.0])]
    (found,) = speed_findings(experiment(MILLISECONDS, (15.0, 45.0)), timings)
    assert found.paper == pytest.approx(3.0)
    assert found.ratio.value == pytest.approx(2.0)
