"""What each part of the default recipe brings, and each option more: a table in Markdown.

python benchmarks/gains.py     # of results/recipes.csv, which benchmarks/recipes.py fills
"""

from collections import defaultdict
from statistics import fmean

from record import rows_of

SETS = {"few": "CIFAR-10, 200 a class", "flowers": "flowers, 64²"}
MODEL, EPOCHS, FEWEST = "shufflenet_v2_x0_5", 30, 3
DEFAULT = "default"
Scores = dict[str, dict[tuple[str, int], float]]  # arm, then set and seed: accuracy in percent


def scores() -> Scores:
    """Of the arms that are changes of the default, in the order in which they were measured."""
    found: Scores = defaultdict(dict)
    for row in rows_of("recipes"):
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


def table() -> str:
    """A row per change of the default."""
    measured = scores()
    usual = measured.pop(DEFAULT, {})
    lines = [f"| Change | {' | '.join(SETS.values())} |", "| --- | ---: | ---: |"]
    for arm, found in measured.items():
        cells = [gain(found, usual, of) for of in SETS]
        if any(cells):
            changed = ", ".join(f"`{change}`" for change in arm.split(",")[1:])
            lines.append(f"| {changed} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
