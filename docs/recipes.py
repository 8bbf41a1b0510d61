"""Writes the table of shipped recipes into docs/recipes.md: python docs/recipes.py

tests/workflows/test_shipped_recipes.py holds the page to the recipes.
"""

from pathlib import Path

from martlet.storage.files import write_text
from martlet.workflows.shipped_recipes import matching

PAGE = Path(__file__).with_suffix(".md")
START, END = "<!-- table: recipes -->\n", "<!-- end -->\n"


def table() -> str:
    """A row per recipe."""
    rows = ["| Recipe | For | Result | Minutes | Where from |", "| --- | --- | --- | --- | --- |"]
    for recipe in matching():
        header = recipe.header
        minutes = f"{header['minutes']}, {header['machine']}" if "minutes" in header else ""
        source = f"`{header['csv']}`" if "csv" in header else header["source"]
        cells = (f"`{recipe.name}`", recipe.purpose, header["result"], minutes, source)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """The page with a fresh table."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    return f"{before}{START}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    write_text(PAGE, page())
