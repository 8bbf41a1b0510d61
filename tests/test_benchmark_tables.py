"""The tables in the pages are what benchmarks/results holds."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("page", ["README.md", "docs/compiling.md"])
def test_tables_hold_the_figures_of_the_results(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    tables = import_module("latency_tables")
    text = (ROOT / page).read_text(encoding="utf-8")
    assert "<!-- table: " in text
    assert tables.filled(text) == text, "run benchmarks/latency_tables.py"
    for name in ("latency_tables", "latency_chart"):
        sys.modules.pop(name, None)
