"""Accuracy on recordings: our networks and other classifiers, on the same windows.

    python benchmarks/series.py MOTIONSENSE BASICMOTIONS [--models NAME ...] [--seeds 0 1 2]

MOTIONSENSE: the folder of its activities, windows of 2.56 s, every 1.28 s. Two of the subjects are
held out in turn, 1 and 2, 3 and 4 …, so that each is tested once. All networks get one recipe, by
`martlet train`, and the last epoch counts; but form and recipe were chosen among some that were
compared on these same subjects, so that their figures are a little optimistic. MotionSense's phones
lay in pockets either way round, so there windows are turned (`half_turns`), and the attitude, which
a turn would change otherwise, is left out. The others have their libraries' defaults.

BASICMOTIONS: the folder of its `.ts` files; split 0 is the given one, 1 to 29 are drawn as
tsml-eval draws them, with the number as seed: the classes in the order of their names, each one's
series shuffled, as many for training as in the given part. Mean and deviation of each channel are
the training part's.

Goes on where it was stopped: a row for each run in results/series.csv, with the machine that it ran
on. A model whose library is not installed is named and left out: MiniRocket needs aeon,
InceptionTime sktime, which may be in environments of their own.
"""

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from record import RESULTS, append
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
OURS: dict[str, Any] = {
    "optimizer": "adamw", "lr": 4e-3, "weight_decay": 0.05, "drop_rate": 0.2,
    "val": 0.0, "workers": 0, "device": "cpu", "quiet": True,
}  # fmt: skip
OF_DATA: dict[str, dict[str, Any]] = {  # phones lie in pockets either way round
    name: {"epochs": EPOCHS[name], "batch_size": BATCH[name]} for name in EPOCHS
}
OF_DATA["motionsense"] |= {
    "half_turns": 0.75, "channels": "gravity.*,rotationRate.*,userAcceleration.*"
}  # fmt: skip


class Fold(NamedTuple):
    """Windows (N, length, channels) and their classes; `split` says what is held out."""

    data: str
    channels: tuple[str, ...]
    split: str
    train: NDArray[np.float32]
    classes: NDArray[np.int64]
    test: NDArray[np.float32]
    truth: NDArray[np.int64]


Answer = tuple[float, float, int]  # accuracy and macro F1 of the test windows, numbers learnt


def scored(fold: Fold, found: NDArray[Any], numbers: int) -> Answer:
    return (
        float(np.mean(found == fold.truth)),
        float(f1_score(fold.truth, found, average="macro")),
        int(numbers),
    )


def stacked(windows: Windows) -> NDArray[np.float32]:
    return np.stack([windows[n] for n in range(len(windows))])


def motionsense(folder: Path) -> Iterator[Fold]:
    """Two subjects held out in turn."""
    windows = cut_windows(read_recordings(folder, rate=50), window="2.56s", stride="1.28s")
    x, y, who = stacked(windows), windows.labels, np.array(windows.subjects)
    subjects = windows.recordings.subjects
    for first, second in zip(subjects[::2], subjects[1::2], strict=True):
        held = np.isin(who, (first, second))
        split, names = f"{first} {second}", windows.recordings.channels
        yield Fold("motionsense", names, split, x[~held], y[~held], x[held], y[held])


def basicmotions(folder: Path) -> Iterator[Fold]:
    """The given split, then those drawn."""
    windows = cut_windows(read_recordings(folder), window=100)
    x, y = stacked(windows), windows.labels
    given = np.array([part == "train" for part in windows.parts])
    order = np.concatenate([np.flatnonzero(given), np.flatnonzero(~given)])
    x, y, given = x[order], y[order], given[order]
    for number in range(RESAMPLES):
        train = resampled(y, given, number) if number else given
        names = windows.recordings.channels
        yield Fold("basicmotions", names, str(number), x[train], y[train], x[~train], y[~train])


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
    return scored(fold, model.predict(statistics(fold.test)), nodes)


def minirocket_as_ours(fold: Fold, seed: int) -> Answer:
    """MiniRocket on the channels that ours see, without the attitude."""
    kept = [number for number, name in enumerate(fold.channels) if "attitude" not in name]
    return minirocket(fold._replace(train=fold.train[..., kept], test=fold.test[..., kept]), seed)


def minirocket(fold: Fold, seed: int) -> Answer:
    from aeon.classification.convolution_based import MiniRocketClassifier

    model = MiniRocketClassifier(random_state=seed)
    model.fit(fold.train.transpose(0, 2, 1).astype(np.float64), fold.classes)
    found = model.predict(fold.test.transpose(0, 2, 1).astype(np.float64))
    ridge, scaler = model.estimator_, model.pipeline_[1]
    # A weight for each class and feature, and a bias and a deviation for each feature.
    numbers = ridge.coef_.size + ridge.intercept_.size + 2 * scaler.scale_.size
    return scored(fold, found, numbers)


def inception_time(fold: Fold, seed: int) -> Answer:
    """One network of InceptionTime, which is five: with sktime's PyTorch form and its defaults,
    but as many epochs as ours get, where 1,500 are usual."""
    import torch
    from sktime.classification.deep_learning.inceptiontime import InceptionTimeClassifierTorch

    torch.set_num_threads(1)
    mean, deviation = fold.train.mean((0, 1)), fold.train.std((0, 1)) + 1e-6
    x, test = (((part - mean) / deviation).transpose(0, 2, 1) for part in (fold.train, fold.test))
    model = InceptionTimeClassifierTorch(
        num_epochs=EPOCHS[fold.data], batch_size=BATCH[fold.data], random_state=seed
    )
    model.fit(x, fold.classes)
    params = sum(parameter.numel() for parameter in model.network.parameters())
    return scored(fold, model.predict(test), params)


def network(name: str, fold: Fold, seed: int, **changes: Any) -> Answer:
    """A network of the family, trained and scored by `martlet train`."""
    import torch

    from martlet import train
    from martlet.training import checkpoint

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / fold.data
        data.mkdir()
        given = {"train": (fold.train, fold.classes), "test": (fold.test, fold.truth)}
        for part, (x, y) in given.items():
            np.savez(data / f"{part}.npz", X=x, y=y, channels=np.array(fold.channels))
        options = OURS | OF_DATA[fold.data] | changes
        run = train(data, model=name, seed=seed, folder=scratch, **options)
        tensors, header = checkpoint.load(run.checkpoint)
        model = header.network.build()
        assert {*tensors} == {*model.state_dict()}
    params = sum(parameter.numel() for parameter in model.parameters())
    return run.metrics["top1"], run.metrics["macro_f1"], params


MODELS: dict[str, Callable[[Fold, int], Answer]] = {
    "forest": forest,
    "minirocket": minirocket,
    "minirocket_as_ours": minirocket_as_ours,
    "inception_time": inception_time,
}
MODELS |= {name: partial(network, name) for name in NETWORKS}
MODELS["mixed_not_turned"] = partial(network, "shufflenet_series_mixed", half_turns=0.0)
ONLY_ON = {
    "mixed_not_turned": "motionsense",
    "minirocket_as_ours": "motionsense",
    "inception_time": "motionsense",
}
NEEDS = {
    "minirocket": "aeon",
    "minirocket_as_ours": "aeon",
    "inception_time": "sktime",
    "forest": "sklearn",
}


def done() -> set[tuple[str, ...]]:
    """What an earlier, unfinished run has."""
    if not PATH.exists():
        return set()
    with PATH.open(encoding="utf-8") as file:
        return {tuple(row[key] for key in KEYS) for row in csv.DictReader(file)}


def run(fold: Fold, model: str, seed: int) -> None:
    """One row, at the end of the file."""
    started = time.perf_counter()
    accuracy, macro_f1, params = MODELS[model](fold, seed)
    seconds = time.perf_counter() - started
    row = {
        "data": fold.data, "split": fold.split, "model": model, "seed": seed,
        "accuracy": f"{accuracy:.4f}",
        "macro_f1": f"{macro_f1:.4f}",
        "params": params, "windows": len(fold.train), "seconds": f"{seconds:.1f}",
    }  # fmt: skip
    print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    append(PATH, row | {"date": date.today().isoformat(), **machine()})


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
        folds = (motionsense(options.motionsense), basicmotions(options.basicmotions))
        for fold in chain(*folds):
            for model in chosen:
                if ONLY_ON.get(model, fold.data) != fold.data:
                    continue
                if (fold.data, fold.split, model, str(seed)) not in known:
                    run(fold, model, seed)


if __name__ == "__main__":
    main()
