"""Writes the table of options into docs/training.md: python docs/training.py

tests/workflows/train/test_options.py holds the page to the options.
"""

from dataclasses import fields
from pathlib import Path

from martlet.arguments import named
from martlet.storage.files import write_text
from martlet.workflows.train.options import TrainOptions

PAGE = Path(__file__).with_suffix(".md")
START, END = "<!-- table: options -->\n", "<!-- end -->\n"


def table(options: type) -> str:
    """A row per option."""
    rows = ["| Option | Takes | Default | |", "| --- | --- | --- | --- |"]
    for field in fields(options):
        if "help" not in field.metadata:
            continue
        meaning, range = field.metadata["help"], field.metadata["range"]
        default = "" if field.default is None else f"`{field.default}`"
        takes = named(field.type, without_none=True) if range is None else range.accepted
        rows.append(f"| `{field.name}` | {takes} | {default} | {meaning} |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """The page with a fresh table."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    return f"{before}{START}\n{table(TrainOptions)}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    write_text(PAGE, page())
