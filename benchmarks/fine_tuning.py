"""Which learning rate is right for weights that have learnt something, on two sets.

    python benchmarks/fine_tuning.py CIFAR10 FLOWERS  # folders: CIFAR10/train/CLASS, FLOWERS/CLASS

`shufflenet_v2_x0_5` learns five classes of CIFAR-10 (those that are no animals, and frogs), and is
then trained on small sets: 200 pictures each of CIFAR-10's other five, and the flowers at 64
pixels. Each with shares of the rate that training from fresh weights has, and from fresh weights;
three seeds, which also split. Goes on where it was stopped. Writes results/fine_tuning.csv.
"""

import argparse
import csv
import tempfile
from pathlib import Path

from record import RESULTS, write_rows

from martlet import train
from martlet.training.recipe import Recipe

MODEL = "shufflenet_v2_x0_5"
FIRST = ("airplane", "automobile", "frog", "ship", "truck")  # learnt beforehand
SHARES = (1.0, 0.3, 0.1, 0.03, 0.01)
SEEDS = (0, 1, 2)
EPOCHS = 10
BATCH = 32
LATER = {"cifar-10, the other five": 32, "flowers": 64}  # sets, and the side of their pictures


def classes(source: Path, folder: Path, first: bool, most: int) -> Path:
    """A folder that links to some of CIFAR-10's classes, with at most so many pictures of each."""
    for found in sorted((source / "train").iterdir()):
        if found.is_dir() and (found.name in FIRST) == first:
            (folder / found.name).mkdir(parents=True)
            for picture in sorted(found.iterdir())[:most]:
                (folder / found.name / picture.name).symlink_to(picture.resolve())
    return folder


def done() -> list[dict[str, str]]:
    """The rows of an earlier, unfinished run."""
    path = RESULTS / "fine_tuning.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        keys = ("set", "weights", "share", "lr", "seed", "epochs", "val_best", "test")
        return [{key: row[key] for key in keys} for row in csv.DictReader(file)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cifar10", type=Path)
    parser.add_argument("flowers", type=Path)
    options = parser.parse_args()
    rows = done()
    known = {(row["set"], row["share"], row["seed"]) for row in rows}
    usual = Recipe(batch_size=BATCH).filled(0.0, BATCH).lr
    assert usual is not None
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        before = classes(options.cifar10, folder / "before", first=True, most=3000)
        sets = {"flowers": options.flowers}
        sets["cifar-10, the other five"] = classes(
            options.cifar10, folder / "later", first=False, most=200
        )
        learnt = train(
            before, model=MODEL, epochs=10, image_size=32, optimizer="sgd", folder=folder,
            name="first", crop_scale=0.35,
        )  # fmt: skip
        for name, size in LATER.items():
            for share in (None, *SHARES):
                for seed in SEEDS:
                    if (name, str(share or "fresh"), str(seed)) in known:
                        continue
                    run = train(
                        sets[name], model=MODEL, epochs=EPOCHS, image_size=size, seed=seed,
                        batch_size=BATCH, lr=usual * (share or 1.0), small_input=True,
                        crop_scale=0.35,
                        optimizer="sgd", weights=learnt.folder if share else None,
                        folder=folder, name="run", overwrite=True, quiet=True,
                    )  # fmt: skip
                    with (run.folder / "metrics.csv").open() as file:
                        best = max(float(row["val_top1"]) for row in csv.DictReader(file))
                    rows.append({
                        "set": name, "weights": "given" if share else "fresh",
                        "share": str(share or "fresh"), "lr": f"{usual * (share or 1.0):.5f}",
                        "seed": str(seed), "epochs": str(EPOCHS), "val_best": f"{best:.4f}",
                        "test": f"{run.metrics['top1']:.4f}",
                    })  # fmt: skip
                    write_rows("fine_tuning", rows)


if __name__ == "__main__":
    main()
