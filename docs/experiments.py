"""Writes the table of experiments into docs/experiments.md: python docs/experiments.py

Their state is that of reproduced/, the folder of results in this repository. tests/test_pages.py
holds the page to the files.
"""

import json
from pathlib import Path

from martlet.storage.files import write_text
from martlet.workflows.reproduce import reading
from martlet.workflows.reproduce.experiment import Experiment

PAGE = Path(__file__).with_suffix(".md")
RESULTS = PAGE.parent.parent / "reproduced"
START, END = "<!-- table: experiments -->\n", "<!-- end -->\n"
SHOWN = ("small", "paper")


def state(experiment: Experiment) -> str:
    """At which size it was run, and what it found."""
    for size in SHOWN:
        path = RESULTS / f"{experiment.name}-{size}" / "outcome.json"
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            return f"{size}, {found['runs']} runs. {found['summary']}"
    return "not run"


def table() -> str:
    """A row per experiment."""
    rows = ["| Experiment | Of | Asks | State |", "| --- | --- | --- | --- |"]
    for name in reading.names():
        one = reading.find(name, thorough=False)  # tests build the networks
        rows.append(f"| `{name}` | {one.source} | {one.asks} | {state(one)} |")
    return "\n".join(rows) + "\n"


def filled(text: str) -> str:
    """A page's text with a fresh table."""
    before, _, rest = text.partition(START)
    return f"{before}{START}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    write_text(PAGE, filled(PAGE.read_text(encoding="utf-8")))
