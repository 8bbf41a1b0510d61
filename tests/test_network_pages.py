"""The tables of networks in docs/ are the rows' own."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

DOCS = Path(__file__).parent.parent / "docs"
MADE = SimpleNamespace(**runpy.run_path(str(DOCS / "networks.py")))
PAGES = [page for page in sorted(DOCS.glob("*.md")) if "<!-- networks: " in page.read_text("utf-8")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_is_up_to_date(page: Path) -> None:
    """Else run `python docs/networks.py`."""
    text = page.read_text(encoding="utf-8")
    assert MADE.filled(text) == text


def test_a_changed_figure_is_found() -> None:
    text = (DOCS / "senet.md").read_text(encoding="utf-8")
    assert MADE.filled(text.replace("11,778,592", "11,778,593")) == text
