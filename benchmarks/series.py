"""Accuracy on recordings: our networks and other classifiers, on the same windows.

    python benchmarks/series.py MOTIONSENSE BASICMOTIONS [--models NAME ...] [--seeds 0 1 2]

MOTIONSENSE: the folder of its activities, windows of 2.56 s, every 1.28 s. Two of the subjects are
held out in turn, 1 and 2, 3 and 4 …, so that each is tested once. All networks get one recipe, and
the last epoch counts; but form and recipe were chosen among some that were compared on these same
subjects, so that their figures are a little optimistic. The others have their libraries' defaults.

BASICMOTIONS: the folder of its `.ts` files; split 0 is the given one, 1 to 29 are drawn as
tsml-eval draws them, with the number as seed: the classes in the order of their names, each one's
series shuffled, as many for training as in the given part. Mean and deviation of each channel are
the training part's.

Goes on where it was stopped: a row for each run in results/series.csv, with the machine that it ran
on. A model whose library is not installed is named and left out: MiniRocket needs aeon, which may
be in an environment of its own.
"""

import argparse
import csv
import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from record import RESULTS
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score

from martlet.data.series.read import read_recordings
from martlet.data.series.windows import Windows, cut_windows
from martlet.measuring.machine import machine

PATH = RESULTS / "series.csv"
RESAMPLES = 30
KEYS = ("data", "split", "model", "seed")
COLUMNS = (*KEYS, "accuracy", "macro_f1", "params", "windows", "seconds")
NETWORKS = ("shufflenet_series", "shufflenet_series_full", "shufflenet_series_mixed")
EPOCHS = {"motionsense": 20, "basicmotions": 100}
BATCH = {"motionsense": 64, "basicmotions": 8}


class Fold(NamedTuple):
    """Windows (N, length, channels) and their classes; `split` says what is held out."""

    data: str
    split: str
    train: NDArray[np.float32]
    classes: NDArray[np.int64]
    test: NDArray[np.float32]
    truth: NDArray[np.int64]


Answer = tuple[NDArray[np.int64], int]  # classes of the test windows, and numbers learnt


def stacked(windows: Windows) -> NDArray[np.float32]:
    return np.stack([windows[n] for n in range(len(windows))])


def motionsense(folder: Path) -> Iterator[Fold]:
    """Two subjects held out in turn."""
    windows = cut_windows(read_recordings(folder, rate=50), window="2.56s", stride="1.28s")
    x, y, who = stacked(windows), windows.labels, np.array(windows.subjects)
    subjects = windows.recordings.subjects
    for first, second in zip(subjects[::2], subjects[1::2], strict=True):
        held = np.isin(who, (first, second))
        yield Fold("motionsense", f"{first} {second}", x[~held], y[~held], x[held], y[held])


def basicmotions(folder: Path) -> Iterator[Fold]:
    """The given split, then those drawn."""
    windows = cut_windows(read_recordings(folder), window=100)
    x, y = stacked(windows), windows.labels
    given = np.array([part == "train" for part in windows.parts])
    order = np.concatenate([np.flatnonzero(given), np.flatnonzero(~given)])
    x, y, given = x[order], y[order], given[order]
    for number in range(RESAMPLES):
        train = resampled(y, given, number) if number else given
        yield Fold("basicmotions", str(number), x[train], y[train], x[~train], y[~train])


def resampled(y: NDArray[np.int64], given: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """Which series are for training, drawn; those given for it come first in `y`."""
    random, drawn = np.random.RandomState(seed), np.zeros(len(y), bool)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        random.shuffle(members)
        drawn[members[: np.sum(y[given] == label)]] = True
    return drawn


def statistics(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each window and channel: mean, deviation, quartiles, ends, steps, three harmonics' share;
    and the correlations of channels."""
    steps = np.diff(x, axis=1)
    spectrum = np.abs(np.fft.rfft(x - x.mean(1, keepdims=True), axis=1))[:, 1:]
    bands = np.array_split(spectrum, 6, axis=1)
    parts = [x.mean(1), x.std(1), *np.quantile(x, (0, 0.25, 0.5, 0.75, 1), axis=1)]
    parts += [steps.std(1), np.abs(steps).mean(1), spectrum.argmax(1)]
    parts += [band.mean(1) for band in bands]
    centred = (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + 1e-6)
    upper = np.triu_indices(x.shape[2], 1)
    parts.append(np.einsum("nti,ntj->nij", centred, centred)[:, *upper] / x.shape[1])
    return np.concatenate(parts, 1).astype(np.float32)


def forest(fold: Fold, seed: int) -> Answer:
    model = RandomForestClassifier(500, random_state=seed, n_jobs=1)
    model.fit(statistics(fold.train), fold.classes)
    nodes = sum(tree.tree_.node_count for tree in model.estimators_)
    return model.predict(statistics(fold.test)), nodes


def minirocket(fold: Fold, seed: int) -> Answer:
    from aeon.classification.convolution_based import MiniRocketClassifier

    model = MiniRocketClassifier(random_state=seed)
    model.fit(fold.train.transpose(0, 2, 1).astype(np.float64), fold.classes)
    found = model.predict(fold.test.transpose(0, 2, 1).astype(np.float64))
    ridge, scaler = model.estimator_, model.pipeline_[1]
    # A weight for each class and feature, and a bias and a deviation for each feature.
    numbers = ridge.coef_.size + ridge.intercept_.size + 2 * scaler.scale_.size
    return found.astype(np.int64), int(numbers)


def network(name: str, fold: Fold, seed: int) -> Answer:
    """A network of the family under the recipe that all of them get."""
    import torch

    from martlet.models import create_model
    from martlet.training.optimizer import build_optimizer, learning_rate
    from martlet.training.recipe import Recipe

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    recipe = Recipe(
        epochs=EPOCHS[fold.data], batch_size=BATCH[fold.data], lr=4e-3, optimizer="adamw",
        weight_decay=0.05, drop_rate=0.2, seed=seed,
    )  # fmt: skip
    mean, deviation = fold.train.mean((0, 1)), fold.train.std((0, 1)) + 1e-6
    x, test = (torch.from_numpy((part - mean) / deviation)[:, None] for part in fold[2:6:2])
    y, length = torch.from_numpy(fold.classes), fold.train.shape[1]
    classes = len(np.unique(fold.classes))
    model = create_model(
        name, num_classes=classes, in_chans=fold.train.shape[2], drop_rate=recipe.drop_rate
    )
    optimizer = build_optimizer(model, recipe)
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    steps = len(x) // recipe.batch_size
    for epoch in range(recipe.epochs):
        model.train()
        for number, batch in enumerate(torch.randperm(len(x)).split(recipe.batch_size)[:steps]):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(epoch * steps + number, steps, recipe)
            optimizer.zero_grad()
            loss_of(model(augmented(x[batch])), y[batch]).backward()
            optimizer.step()
    model.eval()
    with torch.inference_mode():
        found = torch.cat([model(part).argmax(1) for part in test.split(256)])
    assert length == test.shape[2]
    return found.numpy(), sum(parameter.numel() for parameter in model.parameters())


def augmented(x: Any) -> Any:
    """Windows scaled by some 30 % and with noise; each channel is left out three times of ten.

    A network that sees every channel always learns where the subjects carried the phone.
    """
    import torch

    scale = 1 + 0.3 * torch.randn(len(x), 1, 1, x.shape[3])
    there = torch.rand(len(x), 1, 1, x.shape[3]) > 0.3
    return (x * scale + 0.2 * torch.randn_like(x)) * there


MODELS: dict[str, Callable[[Fold, int], Answer]] = {"forest": forest, "minirocket": minirocket}
MODELS |= {name: partial(network, name) for name in NETWORKS}
NEEDS = {"minirocket": "aeon", "forest": "sklearn"}


def done() -> set[tuple[str, ...]]:
    """What an earlier, unfinished run has."""
    if not PATH.exists():
        return set()
    with PATH.open(encoding="utf-8") as file:
        return {tuple(row[key] for key in KEYS) for row in csv.DictReader(file)}


def run(fold: Fold, model: str, seed: int) -> None:
    """One row, at the end of the file."""
    started = time.perf_counter()
    found, params = MODELS[model](fold, seed)
    seconds = time.perf_counter() - started
    row = {
        "data": fold.data, "split": fold.split, "model": model, "seed": seed,
        "accuracy": f"{np.mean(found == fold.truth):.4f}",
        "macro_f1": f"{f1_score(fold.truth, found, average='macro'):.4f}",
        "params": params, "windows": len(fold.train), "seconds": f"{seconds:.1f}",
    }  # fmt: skip
    print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    row |= {"date": date.today().isoformat(), **machine()}
    fresh = not PATH.exists()
    with PATH.open("a", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=list(row), lineterminator="\n")
        if fresh:
            table.writeheader()
        table.writerow(row)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("motionsense", type=Path)
    parser.add_argument("basicmotions", type=Path)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args(arguments)
    chosen = [name for name in options.models if find_spec(NEEDS.get(name, "torch"))]
    for name in set(options.models) - set(chosen):
        print(f"{name} is left out: {NEEDS.get(name, 'torch')} is not installed.")
    known = done()
    for seed in options.seeds:
        folds = [motionsense(options.motionsense)]
        if seed == options.seeds[0]:  # its splits are drawn anew as it is
            folds.append(basicmotions(options.basicmotions))
        for fold in (fold for made in folds for fold in made):
            for model in chosen:
                if (fold.data, fold.split, model, str(seed)) not in known:
                    run(fold, model, seed)


if __name__ == "__main__":
    main()
