"""Recipes side by side: the public plain one, a shipped one, and that without one of its parts.

    python benchmarks/recipes.py cifar10 CIFAR10 --model shufflenet_v2_x1_0 --epochs 10 \
        --arms plain cifar10 [--seeds 0 1 2]
    python benchmarks/recipes.py flowers FLOWERS --epochs 30 --arms plain default default,flip=false
    python benchmarks/recipes.py few CIFAR10 --epochs 15 --arms parts options
    python benchmarks/recipes.py uneven CIFAR10 --epochs 15 --arms uneven
    python benchmarks/recipes.py series MOTIONSENSE --epochs 20 --arms recordings

Same files, same network, same test part, all that is not of the test part trained on, and the
weights of the last epoch: nothing is chosen on what is scored (an arm with `val` of its own has
the best epoch on that share instead). CIFAR10/{train,test}/CLASS hold the
files as they were given; of FLOWERS/CLASS a share of 0.3, drawn anew by each seed, is the test
part; `few` takes 200 pictures a class of CIFAR-10's training part, `uneven` from 200 of one class
down to 20 of another, which ones being the seed's. Of MotionSense's subjects a fifth is held out,
drawn by the seed.

An arm is `plain`, or the name of a shipped recipe, or `default` (the options of `martlet train`),
or one of two that were shipped before: `resized` (the default with resized crops, whatever the
side) and `adamw_series` (series, by AdamW). Behind any but the first NAME=VALUE changes options:
`default,optimizer=sgd,warmup_epochs=0`.
`parts` stands for the default and for it without one of its parts each, `options` for it with one
more each, `uneven` and `recordings` likewise (gains.py prints what they bring). The teacher of
`options` is the run of the recipe cifar10 that promises.py leaves in runs/. Each result is a
row of results/recipes.csv; rows that are there are not measured again.
"""

import argparse
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from plain_recipe import train_plainly
from record import add_row, rows_of

from martlet import create_model, train
from martlet.named_values import assignments
from martlet.workflows.allocator import keep_freed_memory
from martlet.workflows.recipe_file import load_recipe

SIDES = {"cifar10": 32, "few": 32, "uneven": 32, "flowers": 64, "series": None}
ADAMW = {"optimizer": "adamw", "lr": 0.004, "weight_decay": 0.05}
OPTIONS_OF: dict[str, dict[str, Any]] = {
    "default": {},
    "resized": {"crop_scale": 0.35},
    "adamw_series": load_recipe("series") | ADAMW,
}
TEST_SHARE, FEW, FEWEST = 0.3, 200, 20
PARTS = (
    "optimizer=sgd", "nesterov=false", "weight_decay=0.0", "warmup_epochs=0.0", "schedule=linear",
    "label_smoothing=0.0", "crop_scale=1.0", "flip=false", "batch_size=128",
)  # fmt: skip
OPTIONS = (
    "optimizer=adamw", "optimizer=rmsprop", "decay_depthwise=false", "schedule=step",
    "schedule=constant", "final_lr=0.1", "ema=0.99", "clip_grad=1.0", "accumulate=4",
    "drop_rate=0.2", "pad_crop=4", "pad_crop=4,pad_mode=zero", "flip_alternating=true",
    "color_jitter=0.4", "trivial_augment=true", "rand_augment=9", "erase=0.25", "mixup=0.2",
    "cutmix=1.0", "repeated_augmentation=2", "progressive=0.5", "tta=flip", "tta=crops",
    "precision=bfloat16", "teacher=runs/cifar10-0", "schedule=constant,val=0.1",
    "schedule=constant,val=0.1,early_stop=3",
)  # fmt: skip
UNEVEN = ("balance=weights", "balance=sampling", "balance=weights,clip_grad=1.0")
RECORDINGS = (
    "half_turns=0.0", "optimizer=sgd,lr=0.1,weight_decay=0.0005",
    "optimizer=muon,lr=0.1,weight_decay=0.0005", "drop_rate=0.0", "weight_decay=0.0005",
    "time_warp=0.0", "scaling=0.0", "jitter=0.0", "rotation=15", "time_crop=0.8",
    "drop_channels=0.1", "mixup=0.2", "cutmix=1.0", "ema=0.99", "clip_grad=1.0",
    "optimizer=sgd,lr=0.1,weight_decay=0.0005,time_warp=0.0,scaling=0.0,jitter=0.0",
)  # fmt: skip
SEVERAL = {
    name: (base, *(f"{base},{change}" for change in changes))
    for name, base, changes in (
        ("parts", "default", PARTS),
        ("options", "default", OPTIONS),
        ("uneven", "default", UNEVEN),
        ("recordings", "series", RECORDINGS),
    )
}


def link(pictures: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for picture in pictures:
        (folder / picture.name).symlink_to(picture.resolve())


def in_parts(name: str, source: Path, folder: Path, seed: int) -> Path:
    """A folder with train/CLASS and test/CLASS; of recordings as they lie."""
    if name in ("cifar10", "series"):
        return source
    classes = source if name == "flowers" else source / "train"
    folders = sorted(path for path in classes.iterdir() if path.is_dir())
    for number, one in enumerate(folders):
        # Of pictures with the same content one alone, where those of both parts are dealt here.
        contents = {
            hashlib.sha256(path.read_bytes()).hexdigest(): path
            for path in sorted(one.iterdir(), reverse=True)
            if path.is_file()
        }
        order = sorted(contents, key=lambda of: hashlib.sha256(f"{seed} {of}".encode()).digest())
        pictures = [contents[of] for of in order]
        held_out = round(len(pictures) * TEST_SHARE) if name == "flowers" else 0
        most = {"few": FEW, "uneven": uneven(number + 3 * seed, len(folders))}.get(name)
        link(pictures[held_out:][:most], folder / "train" / one.name)
        if name == "flowers":
            link(pictures[:held_out], folder / "test" / one.name)
        else:
            link(sorted((source / "test" / one.name).iterdir()), folder / "test" / one.name)
    return folder


def uneven(number: int, classes: int) -> int:
    """How many pictures a class has, of FEW to FEWEST in equal ratios."""
    return round(FEW * (FEWEST / FEW) ** (number % classes / (classes - 1)))


def options_of(arm: str) -> dict[str, Any]:
    """What `martlet train` is given for an arm, besides network, epochs and size."""
    name, *changes = arm.split(",")
    options = OPTIONS_OF[name] if name in OPTIONS_OF else load_recipe(name)
    return options | assignments(changes, "arm")


def measured(
    arm: str, parts: Path, scratch: Path, case: dict[str, Any], batch: int | None
) -> tuple[float, float]:
    """Accuracy on the test part, and the seconds of training."""
    side, seed = case["side"], case["seed"]
    if arm == "plain":
        classes = len(list((parts / "train").iterdir()))
        torch.manual_seed(seed)
        model = create_model(case["model"], num_classes=classes, small_input=True)
        return train_plainly(model, parts, side, case["epochs"], seed, batch or 128)
    options = options_of(arm) | ({"batch_size": batch} if batch else {})
    options |= {"model": case["model"], "epochs": case["epochs"], "seed": seed}
    options = {"val": 0.0} | options
    options |= {"image_size": side, "small_input": True} if side else {}
    run = train(parts, **options, folder=scratch, name="run", overwrite=True, quiet=True)
    return run.metrics["top1"], run.metrics["seconds"]


def cases(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """What is to be measured, seeds outermost, so that early rows already compare."""
    arms = dict.fromkeys(arm for name in given.arms for arm in SEVERAL.get(name, (name,)))
    for seed in given.seeds:
        for arm in arms:
            yield {
                "set": given.set,
                "model": given.model,
                "side": SIDES[given.set] or "",
                "arm": arm,
                "batch": given.batch or "",
                "epochs": given.epochs,
                "seed": seed,
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", choices=SIDES)
    parser.add_argument("source", type=Path)
    parser.add_argument("--model", default="shufflenet_v2_x0_5")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--arms", nargs="+", default=["plain", "default"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--batch", type=int, help="of every arm (default: the recipe's own)")
    parser.add_argument("--results", default="recipes", help="name of the file of results")
    given = parser.parse_args()
    if given.set == "series":
        given.model = load_recipe("series")["model"]
    keep_freed_memory()
    for case in cases(given):
        if any(all(row[key] == str(case[key]) for key in case) for row in rows_of(given.results)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            parts = in_parts(given.set, given.source, scratch / "parts", case["seed"])
            top1, seconds = measured(case["arm"], parts, scratch, case, given.batch)
        result = {"top1": f"{top1:.4f}", "seconds": round(seconds)}
        add_row(given.results, case | result | {"threads": torch.get_num_threads()})


if __name__ == "__main__":
    main()
