"""What each part of a recipe brings, and each option more: tables in Markdown.

python benchmarks/gains.py     # of results/recipes.csv, which benchmarks/recipes.py fills
"""

from collections import defaultdict
from statistics import fmean

from record import rows_of, spread

FEWEST = 3  # seeds, for a figure
TABLES = {  # base: what is beside each other, each a set, its epochs, and its head
    "default": (
        ("few", 15, "200 a class"),
        ("flowers", 30, "flowers, 64²"),
        ("uneven", 15, "200 to 20 a class"),
    ),
    "series": (("series", 20, "MotionSense, by subjects"),),
}
Scores = dict[str, dict[tuple[str, int], float]]  # arm, then set and seed: accuracy in percent


def scores(base: str) -> Scores:
    """Of `base` and its changes, in the order in which they were measured."""
    asked = {(name, str(epochs)) for name, epochs, _ in TABLES[base]}
    found: Scores = defaultdict(dict)
    for row in rows_of("recipes"):
        same = (row["set"], row["epochs"]) in asked and not row["batch"]
        if same and row["arm"].split(",")[0] == base:
            found[row["arm"]][row["set"], int(row["seed"])] = 100 * float(row["top1"])
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


def table(base: str) -> str:
    """A row for the base, and one per change of it; sets of which nothing is known are left out."""
    measured = scores(base)
    usual = measured.pop(base, {})
    rows = {f"`{base}`": [mean(usual, of) for of, _, _ in TABLES[base]]}
    for arm, found in measured.items():
        changed = ", ".join(f"`{change}`" for change in arm.split(",")[1:])
        rows[changed] = [gain(found, usual, of) for of, _, _ in TABLES[base]]
    kept = [at for at, cells in enumerate(zip(*rows.values(), strict=True)) if any(cells)]
    heads = [f"{head}, {epochs} epochs" for _, epochs, head in TABLES[base]]
    lines = [f"| | {' | '.join(heads[at] for at in kept)} |", "| --- |" + " ---: |" * len(kept)]
    for changed, cells in rows.items():
        if any(cells):
            lines.append(f"| {changed} | {' | '.join(cells[at] for at in kept)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print("\n".join(table(base) for base in TABLES), end="")
