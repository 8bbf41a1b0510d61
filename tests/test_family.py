"""docs/family.md: up to date, complete, and a reason beside every figure that is another."""

import runpy
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from martlet.models import list_models, spec

pytestmark = pytest.mark.slow  # every network is counted, at every width that somebody printed
DOCS = Path(__file__).parent.parent / "docs"
FAMILY = SimpleNamespace(**runpy.run_path(str(DOCS / "family.py")))


@pytest.fixture(scope="module")
def tables() -> list:
    return FAMILY.read()


def test_the_page_is_up_to_date(tables: list) -> None:
    """Else run `python docs/family.py`."""
    assert (DOCS / "family.md").read_text(encoding="utf-8") == FAMILY.page(tables)


def test_a_reason_beside_every_other_figure_and_no_reason_beside_the_rest(tables: list) -> None:
    for table in tables:
        for row in table.rows:
            for figure in row.figures:
                place = (table.source, table.name, row.name, figure.printed, figure.ours)
                assert figure.within == (figure.reason == ""), place
                assert figure.reason == "" or " " in figure.reason, place  # a key without its text


def test_every_named_reason_is_used(tables: list) -> None:
    reasons = tomllib.loads((DOCS / "family.toml").read_text(encoding="utf-8"))["reasons"]
    used = {f.reason for table in tables for row in table.rows for f in row.figures}
    assert set(reasons.values()) <= used


def test_what_a_row_prints_is_on_the_page(tables: list) -> None:
    """Of every network at once: counting for the page takes long in each process of the tests."""
    missing = []
    for name in list_models():
        shown = [row for table in tables for row in table.rows if row.model == name]
        for field in ("macs", "params"):
            printed = getattr(spec(name).paper, field)
            figures = [getattr(row, field) for row in shown]
            values = [FAMILY.as_number(figure.printed) for figure in figures if figure]
            if printed is not None and FAMILY.as_number(printed) not in values:
                missing.append((name, field, printed))
    assert not missing


@pytest.mark.parametrize(
    ("printed", "ours", "within"),
    [
        ("146M", 145_500_000, True),
        ("146M", 145_499_999, False),
        ("2.3M", 2_349_999, True),
        ("0.040G", 40_600_000, False),
        ("1,531,936", 1_531_936, True),
        ("1,531,936", 1_531_937, False),
    ],
)
def test_within_the_printed_digit(printed: str, ours: int, within: bool) -> None:
    assert FAMILY.Figure(printed, ours, "").within == within
