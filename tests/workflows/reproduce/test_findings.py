"""Means, intervals and verdicts, against SciPy and by hand."""

from collections.abc import Mapping

import pytest
from scipy import stats

from martlet.workflows.reproduce.experiment import Claim, Experiment, Row, Size
from martlet.workflows.reproduce.findings import (
    AGAINST,
    HOLDS,
    MISSING,
    ONE_SEED,
    OPEN,
    cells_of,
    figures_of,
    finding_of,
    interval,
    order_of,
)

ROWS = [
    Row(name="a", model="shufflenet_v2_x0_5", paper=30.0),
    Row(name="b", model="shufflenet_v2_x0_5", paper=35.0),
    Row(name="c", model="shufflenet_v2_x0_5", paper=33.0),
]


def experiment(figure: str = "error") -> Experiment:
    sizes = {"small": Size(name="small", seeds=3)}
    return Experiment(
        name="one", title="One", source="Paper", asks="?", unit="%", figure=figure, rows=ROWS,
        claims=[], sizes=sizes,
    )  # fmt: skip


def lines(errors: Mapping[str, list[float]]) -> dict[tuple[str, int], dict[str, str]]:
    """As runs.csv has them."""
    cost = {"seconds": "60", "params": "5", "macs": "7", "bytes_moved": "9"}
    return {
        (name, seed): {"top1": str(1 - value / 100), **cost}
        for name, values in errors.items()
        for seed, value in enumerate(values)
    }


def test_an_interval_is_students() -> None:
    values = [30.0, 31.5, 29.0, 30.2]
    found = interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert interval([3.0]).low is None


def test_a_figure_of_boxes_is_their_own_column() -> None:
    done = {("a", 0): {"top1": "", "ap": "0.25", "ap50": "0.5"}}
    assert figures_of(experiment("ap"), done) == {"a": {0: 25.0}}
    assert figures_of(experiment("ap50"), done) == {"a": {0: 50.0}}


def verdict(errors: Mapping[str, list[float]], claim: Claim, figure: str = "error") -> str:
    one = experiment(figure)
    return finding_of(claim, one, figures_of(one, lines(errors))).verdict


def test_a_claim_holds_beyond_its_interval_only() -> None:
    claim = Claim(says="", better=["a"], worse=["b"])
    assert verdict({"a": [30, 31, 29], "b": [35, 36.2, 34]}, claim) == HOLDS
    assert verdict({"a": [35, 36.2, 34], "b": [30, 31, 29]}, claim) == AGAINST
    assert verdict({"a": [30, 35, 29], "b": [33, 30, 34]}, claim) == OPEN
    assert verdict({"a": [30], "b": [35, 36]}, claim) == ONE_SEED
    assert verdict({"a": [30, 31]}, claim) == MISSING
    assert verdict({"a": [30, 31, 29], "b": [35, 36.2, 34]}, claim, "accuracy") == HOLDS


def test_differences_are_taken_seed_by_seed() -> None:
    """Seeds that move both rows alike leave the difference sure."""
    claim = Claim(says="", better=["a"], worse=["b"])
    one = experiment()
    found = finding_of(
        claim, one, figures_of(one, lines({"a": [30, 40, 20], "b": [31, 41.1, 20.9]}))
    )
    assert found.verdict == HOLDS
    assert found.points is not None
    assert found.points.mean == pytest.approx(1.0)
    assert found.paper == pytest.approx(5.0)


def test_an_interaction_compares_two_differences() -> None:
    claim = Claim(says="", better=["a", "c"], worse=["b", "b"], interaction=True)
    one = experiment()
    found = finding_of(claim, one, figures_of(one, lines({"a": [30], "b": [36], "c": [35]})))
    assert found.points is not None
    assert found.points.mean == pytest.approx((36 - 30) - (36 - 35))
    assert found.paper == pytest.approx((35 - 30) - (35 - 33))


def test_a_claim_about_several_pairs_is_of_their_mean() -> None:
    claim = Claim(says="", better=["a", "c"], worse=["b", "b"])
    one = experiment()
    found = finding_of(claim, one, figures_of(one, lines({"a": [30], "b": [36], "c": [35]})))
    assert found.points is not None
    assert found.points.mean == pytest.approx((6 + 1) / 2)


def test_order_counts_pairs_and_correlates() -> None:
    one = experiment()
    found = order_of(
        one,
        figures_of(one, lines({"a": [30, 30.5], "b": [36, 36.4], "c": [30.0, 30.7]})),
    )
    assert found is not None
    assert (found.same, found.against, found.open) == (2, 0, 1)
    assert found.correlation == pytest.approx(1.0)
    assert order_of(one, figures_of(one, lines({"a": [30.0], "b": [36.0], "c": [1.0]}))) is None
    assert order_of(one, figures_of(one, lines({"a": [30, 30], "b": [36, 36]}))) is None


def test_cells_have_holes() -> None:
    one = experiment()
    cells = cells_of(one, one.sizes["small"], lines({"a": [30, 31]}), {"b": "it burst"})
    assert [cell.value is None for cell in cells] == [False, True, True]
    assert cells[0].macs == 7
    assert cells[1].failed == "it burst"
