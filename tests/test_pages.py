"""The tables in pages are what their scripts make of the rows and of the benchmarks' results."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = {
    "benchmarks/training_tables.py": [
        ROOT / "docs" / f"{name}.md"
        for name in ("training", "optimization", "transfer", "answers", "checking_data")
    ],
    "benchmarks/latency_tables.py": [
        ROOT / "README.md",
        ROOT / "docs" / "compiling.md",
        ROOT / "docs" / "detection.md",
        ROOT / "docs" / "microcontrollers.md",
    ],
    "docs/experiments.py": [ROOT / "docs" / "experiments.md"],
    "docs/networks.py": [
        page
        for page in sorted((ROOT / "docs").glob("*.md"))
        if "<!-- networks: " in page.read_text("utf-8")
    ],
}
FILLED = [
    pytest.param(script, page, id=page.stem) for script, pages in PAGES.items() for page in pages
]


@pytest.fixture
def filled(script: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """A page's text with its tables made anew."""
    monkeypatch.syspath_prepend(str(ROOT / script).rpartition("/")[0])
    made: Callable[[str], str] = runpy.run_path(str(ROOT / script))["filled"]
    for name in ("latency_chart", "gains", "transfer", "microcontrollers", "record"):
        sys.modules.pop(name, None)
    return made


@pytest.mark.parametrize(("script", "page"), FILLED)
def test_the_page_is_up_to_date(page: Path, script: str, filled: Callable[[str], str]) -> None:
    text = page.read_text(encoding="utf-8")
    assert filled(text) == text, f"run python {script}"


@pytest.mark.parametrize("script", ["docs/networks.py"])
def test_a_changed_figure_is_found(filled: Callable[[str], str]) -> None:
    text = (ROOT / "docs" / "senet.md").read_text(encoding="utf-8")
    assert filled(text.replace("11,778,592", "11,778,593")) == text
