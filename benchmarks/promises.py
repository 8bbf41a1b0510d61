"""What the shipped recipes promise: each run as its header's command says, with three seeds.

    python benchmarks/promises.py flowers FLOWERS [OPTION=VALUE ...] [--seeds 0 1 2] [--folder RUNS]
    python benchmarks/promises.py --table       # means and ranges of results/promises.csv

RECIPE is the name of a shipped recipe, or the file of one that is to be shipped; OPTION=VALUE is
what else the command has, such as labels=scene_gt.mat. Seeds also deal the parts, where the data
have none of their own. Each run is a row of results/promises.csv, with what the options came to and
the seconds of training; rows that are there are not measured again, and in RUNS a run that was
stopped goes on where it was.
"""

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import fmean

import torch
from record import add_row, rows_of

from martlet import train
from martlet.named_values import assignments
from martlet.training.checkpoint import load_header
from martlet.workflows.recipe_file import load_recipe

NAME = "promises"


def measure(recipe: str, data: str, changes: list[str], seeds: list[int], runs: Path) -> None:
    """A row for each seed that has none."""
    name = Path(recipe).stem
    known = {(row["recipe"], row["options"], row["seed"]) for row in rows_of(NAME)}
    options = load_recipe(recipe) | assignments(changes, "option")
    for seed in seeds:
        if (name, " ".join(changes), str(seed)) in known:
            continue
        place = {"folder": runs, "name": f"{name}-{seed}", "quiet": True}
        resume = (runs / f"{name}-{seed}").exists()
        run = train(data, **{**options, **place, "seed": seed, "resume": resume})
        trained = load_header(run.checkpoint).trained
        add_row(
            NAME,
            {
                "recipe": name,
                "options": " ".join(changes),
                "seed": seed,
                "epochs": trained.epochs if trained else "",
                "part": run.metrics["part"],
                "top1": f"{run.metrics['top1']:.4f}",
                "seconds": round(run.metrics["seconds"]),
                "threads": torch.get_num_threads(),
            },
        )


def table() -> None:
    """Mean and range of each recipe over its seeds, and the mean of its minutes."""
    found: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in rows_of(NAME):
        found[row["recipe"], row["options"]].append(row)
    for (recipe, options), rows in found.items():
        top1 = [100 * float(row["top1"]) for row in rows]
        minutes = fmean(float(row["seconds"]) for row in rows) / 60
        print(
            f"{recipe} {options}: {fmean(top1):.1f} % ({min(top1):.1f} to {max(top1):.1f} over "
            f"{len(rows)} seeds), {minutes:.1f} minutes"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", nargs="?")
    parser.add_argument("data", nargs="?")
    parser.add_argument("changes", nargs="*", metavar="OPTION=VALUE")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--folder", type=Path, help="where runs are kept (default: nowhere)")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.table:
        table()
    elif given.recipe and given.data:
        with tempfile.TemporaryDirectory() as nowhere:
            runs = given.folder or Path(nowhere)
            measure(given.recipe, given.data, given.changes, given.seeds, runs)
    else:
        parser.error("a recipe and data are needed, or --table")


if __name__ == "__main__":
    main()
