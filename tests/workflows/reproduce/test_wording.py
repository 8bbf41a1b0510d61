"""Sentences about findings: each verdict says what it shows and no more."""

import pytest

from martlet.workflows.reproduce.experiment import Claim, Experiment, Row, Size
from martlet.workflows.reproduce.findings import (
    AGAINST,
    HOLDS,
    MISSING,
    ONE_SEED,
    OPEN,
    Cell,
    Finding,
    Interval,
    Order,
)
from martlet.workflows.reproduce.wording import caveat, sentence, summary

CLAIM = Claim(says="It helps", better=["a"], worse=["b"])


@pytest.mark.parametrize(
    ("verdict", "points", "paper", "told"),
    [
        (HOLDS, Interval(3.21, 1.14, 5.28, 3), 5.2,
         "It helps: holds by 3.2 (1.1 to 5.3) points; 3 seeds; the paper has 5.2."),
        (AGAINST, Interval(-3.2, -5.2, -1.1, 3), 5.2,
         "It helps: does not hold here, by −3.2 (−5.2 to −1.1) points; 3 seeds; the paper has "
         "5.2."),
        (OPEN, Interval(0.2, -1.0, 1.4, 3), None,
         "It helps: no difference at this size, 0.2 (−1.0 to 1.4) points; 3 seeds."),
        (ONE_SEED, Interval(0.2, None, None, 1), None,
         "It helps: 0.2 points in one run, which says nothing about chance; 1 seed."),
        (MISSING, None, 5.2, "It helps: not run at this size; the paper has 5.2."),
    ],
)  # fmt: skip
def test_a_claim_in_a_sentence(
    verdict: str, points: Interval | None, paper: float | None, told: str
) -> None:
    assert sentence(Finding(CLAIM, verdict, points, paper)) == told


def cell(name: str, value: Interval | None) -> Cell:
    return Cell(Row(name=name, model="shufflenet_v2_x0_5"), value, 1, 1, 1, 1.0)


def told(cells: list[Cell], found: list[Finding], order: Order | None) -> str:
    size = Size(name="small", seeds=3)
    experiment = Experiment(
        name="one", title="One", source="Paper", asks="?", unit="%", figure="error",
        rows=[one.row for one in cells], claims=[CLAIM], sizes={"small": size},
    )  # fmt: skip
    return summary(experiment, size, cells, found, order)


def test_a_summary_counts_verdicts_and_pairs() -> None:
    full = Interval(30.0, 29.0, 31.0, 3)
    findings = [Finding(CLAIM, verdict, full, None) for verdict in (HOLDS, HOLDS, OPEN)]
    assert told([cell("a", full), cell("b", full)], findings, Order(4, 1, 2, 0.9)) == (
        "Claims: 2 confirmed beyond the interval, 1 without a difference at this size. Of 7 pairs "
        "of rows that the paper puts in an order, 4 are in the same one beyond the interval, 1 in "
        "the other, 2 open (rank correlation of the means 0.90). By chance alone about 0 of them "
        "would be beyond it."
    )


def test_a_summary_names_holes_first() -> None:
    full, short = Interval(30.0, 29.0, 31.0, 3), Interval(30.0, 29.0, 31.0, 2)
    said = told([cell("a", full), cell("b", None), cell("c", short)], [], None)
    assert said == "1 of 3 rows have no run yet, 1 not all of 3 seeds (b, c)."


def test_a_size_says_what_it_cannot_show() -> None:
    sure, alone = Interval(1.0, 0.5, 1.5, 3), Interval(1.0, None, None, 1)
    assert "Student's t" in caveat(Size(name="small"), sure, True)
    assert "Student's t" not in caveat(Size(name="small"), alone, True)
    assert "say nothing of the networks" in caveat(Size(name="tiny"), alone, True)
    assert "deals the parts anew" in caveat(Size(name="small"), sure, False)
    assert "ImageNet" not in caveat(Size(name="small"), sure, False)
    paper = Size(name="paper", recipe="imagenet_senet")
    assert caveat(paper, None, True).startswith("Trained by the recipe imagenet_senet on the data")
