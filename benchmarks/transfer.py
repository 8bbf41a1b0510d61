"""What weights that were learnt elsewhere bring on small sets, and which way of going on from them.

    python benchmarks/transfer.py CIFAR10 FLOWERS  # folders: CIFAR10/train/CLASS, FLOWERS/CLASS
    python benchmarks/transfer.py --table          # the means and ranges of results/transfer.csv

A network learns CIFAR-10 at 32 pixels, then scikit-learn's digits (gray, 32 pixels, a tenth of them
to learn from) and the flowers at 64 pixels: from fresh weights, from those of CIFAR-10 in several
ways, and by `few`. Three seeds, which also split; seconds are those of the whole call on as many
threads as the row says. Goes on where it was stopped, within the first training too. Writes
results/transfer.csv.
"""

import argparse
import csv
import time
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from record import add_row, rows_of, spread

from martlet import train
from martlet.data.pictures.digits import write_digits

MODEL = "shufflenet_v2_x0_5"
SEEDS = (0, 1, 2)
BATCH = 32
FIRST: dict[str, Any] = {  # what CIFAR-10 is learnt with
    "batch_size": 32, "image_size": 32, "small_input": True, "pad_crop": 2, "lr": 0.2,
    "muon_lr": 0.05, "schedule": "linear", "warmup_epochs": 0.5, "val": 0.05, "test": 0.05,
}  # fmt: skip
SETS: dict[str, dict[str, Any]] = {
    "digits": {"image_size": 32, "channels": "L", "crop_scale": 0.35, "val": 0.1, "test": 0.8},
    "flowers": {"image_size": 64},
}
WAYS: dict[str, dict[str, Any]] = {  # "first": from the weights of CIFAR-10; SGD, from fresh Muon
    "scratch": {},
    "fine-tuned": {"first": True},
    "fine-tuned, Muon": {"first": True, "optimizer": "muon"},
    "fine-tuned, Muon, a third of the rate": {"first": True, "optimizer": "muon", "share": 0.3},
    "fine-tuned, Muon, a tenth of the rate": {"first": True, "optimizer": "muon", "share": 0.1},
    "head first, Muon": {
        "first": True,
        "head_epochs": 2,
        "warmup_epochs": 4.0,
        "optimizer": "muon",
    },
    "stem and two stages frozen, Muon": {"first": True, "freeze": 3, "optimizer": "muon"},
    "norm recalibrated, Muon": {"first": True, "norm": "recalibrated", "optimizer": "muon"},
    "rates by depth, Muon": {"first": True, "lr_decay": 0.7, "optimizer": "muon"},
    "a tenth of the rate": {"first": True, "share": 0.1},
    "head first": {"first": True, "head_epochs": 2, "warmup_epochs": 4.0},
    "stem and two stages frozen": {"first": True, "freeze": 3},
    "norm frozen": {"first": True, "norm": "frozen"},
    "norm recalibrated": {"first": True, "norm": "recalibrated"},
    "rates by depth": {"first": True, "lr_decay": 0.7},
    "classifier alone, trained": {"first": True, "freeze": "backbone"},
    "few": {"first": True, "few": True, "epochs": 0},
    "few, then a tenth of the rate": {"first": True, "few": True, "share": 0.1},
    "few, then a tenth of the rate, Muon": {
        "first": True,
        "few": True,
        "share": 0.1,
        "optimizer": "muon",
    },
}


def linked(source: Path, folder: Path, most: int | None) -> Path:
    """A folder that links to the first `most` pictures of each class."""
    for found in sorted(source.iterdir()):
        if found.is_dir() and not (folder / found.name).exists():
            (folder / found.name).mkdir(parents=True)
            for picture in sorted(found.iterdir())[:most]:
                (folder / found.name / picture.name).symlink_to(picture.resolve())
    return folder


def carried_out(data: Path, name: str, way: str, seed: int, options: Any) -> dict[str, Any]:
    """A row: a run on a set, in one of the ways."""
    given = dict(WAYS[way])
    epochs = given.pop("epochs", options.epochs)
    if given.pop("first", False):
        given = {"optimizer": "sgd", **given, "pretrained": options.folder / "first"}
    if "head_epochs" in given:
        given["head_epochs"] = min(given["head_epochs"], epochs - 1)
    given["lr"] = 0.1 * BATCH / 64 * given.pop("share", 1.0)
    started = time.monotonic()
    run = train(
        data, model=options.model, batch_size=BATCH, epochs=epochs, seed=seed, small_input=True,
        folder=options.folder, name="run", overwrite=True, quiet=True, workers=options.workers,
        **SETS[name], **given,
    )  # fmt: skip
    seconds = time.monotonic() - started
    with (run.folder / "metrics.csv").open(encoding="utf-8") as file:
        best = max(float(row["val_top1"]) for row in csv.DictReader(file))
    return {
        "set": name, "way": way, "seed": seed, "first": options.first_epochs, "epochs": epochs,
        "train": sum(run.metrics["counts"]["train"]), "seconds": f"{seconds:.1f}",
        "val_best": f"{best:.4f}", "test": f"{run.metrics['top1']:.4f}",
        "threads": torch.get_num_threads(),
    }  # fmt: skip


def table(rows: list[dict[str, str]]) -> str:
    """Means and ranges over the seeds, in Markdown."""
    names = list(dict.fromkeys(row["set"] for row in rows))
    lines = [f"| way | {' | '.join(f'{name}, seconds' for name in names)} |"]
    lines.append("| --- |" + " ---: |" * len(names))
    for way in dict.fromkeys(row["way"] for row in rows):
        cells = []
        for name in names:
            found = [row for row in rows if (row["set"], row["way"]) == (name, way)]
            if not found:
                cells.append("–")
                continue
            tests = [100 * float(row["test"]) for row in found]
            seconds = fmean(float(row["seconds"]) for row in found)
            cells.append(f"{spread(tests, ' %')}, {seconds:.0f} s")
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cifar10", type=Path, nargs="?")
    parser.add_argument("flowers", type=Path, nargs="?")
    parser.add_argument("--table", action="store_true", help="show what was measured")
    parser.add_argument("--folder", type=Path, default=Path("runs/transfer"), help="for all runs")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--first-epochs", type=int, default=5, help="on CIFAR-10")
    parser.add_argument("--epochs", type=int, default=10, help="on the small sets")
    parser.add_argument("--most", type=int, help="pictures of each class, for a trial")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    rows = rows_of("transfer")
    if options.table:
        print(table(rows))
        return
    if options.flowers is None:
        parser.error("give the folders of CIFAR-10 and of the flowers")
    links = options.folder / "links"
    sets = {
        "digits": write_digits(options.folder / "digits"),
        "flowers": linked(options.flowers, links / "flowers", options.most),
    }
    train(
        linked(options.cifar10 / "train", links / "cifar10", options.most), model=options.model,
        epochs=options.first_epochs, folder=options.folder, name="first", workers=options.workers,
        resume=(options.folder / "first").exists(), **FIRST,
    )  # fmt: skip
    known = {(row["set"], row["way"], row["seed"]) for row in rows}
    for name, data in sets.items():
        for way in WAYS:
            for seed in range(options.seeds):
                if (name, way, str(seed)) not in known:
                    add_row("transfer", carried_out(data, name, way, seed, options))
    print(table(rows_of("transfer")))


if __name__ == "__main__":
    main()
