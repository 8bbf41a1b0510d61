"""docs/family.md: up to date, complete, and a reason beside every figure that is another."""

import runpy
import tomllib
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest

from martlet.models import list_models, spec

pytestmark = pytest.mark.slow  # every network is counted, at every width that somebody printed
DOCS = Path(__file__).parent.parent / "docs"
FAMILY = SimpleNamespace(**runpy.run_path(str(DOCS / "family.py")))


@pytest.fixture(scope="module")
def sources() -> list:
    return FAMILY.read()


def test_the_page_is_up_to_date(sources: list) -> None:
    """Else run `python docs/family.py`."""
    assert (DOCS / "family.md").read_text(encoding="utf-8") == FAMILY.page(sources)


def test_a_reason_beside_every_other_figure_and_no_reason_beside_the_rest(sources: list) -> None:
    for source in sources:
        for row in source.rows:
            for figure in row.figures:
                place = (source.name, row.table, row.network, figure.printed, figure.ours)
                assert figure.within == (figure.reason == ""), place
                assert figure.reason == "" or " " in figure.reason, place  # a key without its text


def test_every_reason_is_used(sources: list) -> None:
    """Those with a name, those of a source, and those of an entry, each where it stands."""
    data = tomllib.loads((DOCS / "family.toml").read_text(encoding="utf-8"))
    reasons = data["reasons"]
    assert set(reasons.values()) <= {f.reason for source in sources for f in source.figures}
    for source, told in zip(sources, data["sources"], strict=True):
        rows = iter(source.rows)
        stated = [(told, source.rows)]
        for entry in (entry for entries in told["tables"].values() for entry in entries):
            stated.append((entry, tuple(islice(rows, len(list(FAMILY._named(entry["network"])))))))
        for given, shown in stated:
            for kind in ("macs", "params"):
                used = {figure.reason for row in shown if (figure := getattr(row, kind))}
                why = given.get(f"why_{kind}")
                assert why is None or reasons.get(why, why) in used, (source.name, given)


def test_no_row_stands_twice(sources: list) -> None:
    """What several tables print alike is one row, "Tables 5, 8"."""
    for source in sources:
        rows = [(row.network, row.macs, row.params) for row in source.rows]
        assert [row for row in rows if rows.count(row) > 1] == [], source.name


def test_what_a_row_prints_is_on_the_page(sources: list) -> None:
    """Of every network at once: counting for the page takes long in each process of the tests."""
    missing = []
    for name in list_models():
        shown = [row for source in sources for row in source.rows if row.model == name]
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
