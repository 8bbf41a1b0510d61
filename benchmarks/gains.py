"""What each part of a recipe brings, and each option more: tables in Markdown.

python benchmarks/gains.py     # of results/recipes.csv, which benchmarks/recipes.py fills
"""

from collections import defaultdict
from statistics import fmean

from record import rows_of, spread

FEWEST = 3  # seeds, for a figure
# Columns of each table: set, epochs, head, and the arm that others are changes of. `resized` is the
# default with resized crops, which small pictures had before pad_crop was found better for them;
# `adamw_series` is the recipe series as it was before SGD was.
TABLES = {
    "default": (
        ("few", 15, "200 a class, resized crops", "resized"),
        ("flowers", 30, "flowers, 64²", "default"),
        ("uneven", 15, "200 to 20 a class, resized crops", "resized"),
    ),
    "series": (("series", 20, "MotionSense, by subjects", "adamw_series"),),
}
Scores = dict[str, dict[tuple[str, int], float]]  # change, then set and seed: accuracy in percent


def scores(table: str) -> Scores:
    """Of each column's base, "", and its changes, in the order in which they were measured."""
    asked = {(of, str(epochs)): base for of, epochs, _, base in TABLES[table]}
    found: Scores = defaultdict(dict)
    for row in rows_of("recipes"):
        base, *changes = row["arm"].split(",")
        if asked.get((row["set"], row["epochs"])) == base and not row["batch"]:
            score = 100 * float(row["top1"])
            found[",".join(changes)][row["set"], int(row["seed"])] = score
    return found


def gain(arm: dict[tuple[str, int], float], usual: dict[tuple[str, int], float], of: str) -> str:
    """Points above the base on a set, seed by seed: mean, lowest and highest."""
    pairs = [arm[key] - usual[key] for key in arm if key[0] == of and key in usual]
    if len(pairs) < FEWEST:
        return ""
    return f"{fmean(pairs):+.1f} ({min(pairs):+.1f} to {max(pairs):+.1f})".replace("-", "−")


def mean(usual: dict[tuple[str, int], float], of: str) -> str:
    """Accuracy of the base itself: mean, lowest and highest."""
    own = [score for key, score in usual.items() if key[0] == of]
    if len(own) < FEWEST:
        return ""
    return spread(own, " %")


def table(name: str) -> str:
    """A row for the bases, and one per change of them; sets of which nothing is known are left
    out."""
    columns, measured = TABLES[name], scores(name)
    usual = measured.pop("", {})
    rows = {"unchanged": [mean(usual, of) for of, _, _, _ in columns]}
    for changes, found in measured.items():
        changed = ", ".join(f"`{change}`" for change in changes.split(","))
        rows[changed] = [gain(found, usual, of) for of, _, _, _ in columns]
    kept = [at for at, cells in enumerate(zip(*rows.values(), strict=True)) if any(cells)]
    heads = [f"{head}, {epochs} epochs" for _, epochs, head, _ in columns]
    lines = [f"| | {' | '.join(heads[at] for at in kept)} |", "| --- |" + " ---: |" * len(kept)]
    for changed, cells in rows.items():
        if any(cells):
            lines.append(f"| {changed} | {' | '.join(cells[at] for at in kept)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print("\n".join(table(base) for base in TABLES), end="")
