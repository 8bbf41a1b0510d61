"""Writes the tables of what options bring into docs/gains.md: python docs/gains.py

Their figures are differences of rows in benchmarks/results/recipes.csv; tests/test_gains.py holds
the page to them.
"""

import csv
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from martlet.storage.files import write_text

PAGE = Path(__file__).with_suffix(".md")
RESULTS = PAGE.parents[1] / "benchmarks" / "results" / "recipes.csv"
START, END = "<!-- table: gains -->\n", "<!-- end -->\n"
SETS = {"few": "CIFAR-10, 200 a class", "flowers": "flowers, 64²"}
MODEL, EPOCHS, FEWEST = "shufflenet_v2_x0_5", 30, 3
DEFAULT = "default"
Scores = dict[str, dict[tuple[str, int], float]]  # arm, then set and seed: accuracy in percent


def scores(path: Path = RESULTS) -> Scores:
    """Of the arms that are changes of the default, in the order in which they were measured."""
    found: Scores = defaultdict(dict)
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            same = (row["model"], row["epochs"], row["batch"]) == (MODEL, str(EPOCHS), "")
            if same and row["arm"].startswith(DEFAULT) and row["set"] in SETS:
                found[row["arm"]][row["set"], int(row["seed"])] = 100 * float(row["top1"])
    return found


def gain(arm: dict[tuple[str, int], float], usual: dict[tuple[str, int], float], of: str) -> str:
    """Points above the default on a set, seed by seed: mean, lowest and highest."""
    pairs = [arm[key] - usual[key] for key in arm if key[0] == of and key in usual]
    if len(pairs) < FEWEST:
        return ""
    return f"{fmean(pairs):+.1f} ({min(pairs):+.1f} … {max(pairs):+.1f})".replace("-", "−")


def table(path: Path = RESULTS) -> str:
    """A row per change of the default."""
    measured = scores(path)
    usual = measured.pop(DEFAULT, {})
    lines = [f"| Change | {' | '.join(SETS.values())} |", "| --- | ---: | ---: |"]
    for arm, found in measured.items():
        cells = [gain(found, usual, of) for of in SETS]
        if any(cells):
            changed = ", ".join(f"`{change}`" for change in arm.split(",")[1:])
            lines.append(f"| {changed} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with a fresh table."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    return f"{before}{START}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    write_text(PAGE, page())
