"""How many of the labels that were flipped on purpose are found among the first suspects.

    python benchmarks/labels.py FLOWERS --weights RUN  # FLOWERS/CLASS/*.jpg; RUN: of other pictures

Of the flowers 3 % get the label of another class, and are then looked for: the share of them among
as many first suspects, for several orders. Out-of-fold answers come from the run's own recipe in
five folds (from fresh weights, and from those of RUN), and from a linear head on RUN's features in
five folds, which takes seconds. Three seeds, which flip, and deal the folds. Goes on where it was
stopped. Writes results/labels.csv.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record import add_row, rows_of

import martlet
from martlet.measuring.label_errors import suspects
from martlet.measuring.linear_head import out_of_fold_logits
from martlet.workflows.folds.out_of_fold import OutOfFold, read_out_of_fold

MODEL = "shufflenet_v2_x0_5"
SEEDS = (0, 1, 2)
FLIPPED = 0.03
FOLDS = 5
EPOCHS = 15
SIDE = 64


def flipped(source: Path, folder: Path, seed: int) -> tuple[Path, set[str]]:
    """A folder that links to all pictures, some of them under another class; their paths."""
    pictures = sorted(path for path in source.glob("*/*") if path.suffix == ".jpg")
    classes = sorted({path.parent.name for path in pictures})
    random = np.random.default_rng(seed)
    chosen = set(random.choice(len(pictures), round(FLIPPED * len(pictures)), replace=False))
    wrong = set()
    for number, path in enumerate(pictures):
        label = path.parent.name
        if number in chosen:
            label = random.choice([other for other in classes if other != label]).item()
            wrong.add(f"{label}/{path.name}")
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / path.name).symlink_to(path.resolve())
    return folder, wrong


def orders(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """The samples in several orders, the most suspect first."""
    exact = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    shares = exact / exact.sum(axis=1, keepdims=True)
    each = np.arange(len(labels))
    own = shares[each, labels]
    others = shares.copy()
    others[each, labels] = -1
    usual = np.array([own[labels == label].mean() for label in range(shares.shape[1])])
    return {
        "loss": np.argsort(own, kind="stable"),
        "margin": np.argsort(own - others.max(axis=1), kind="stable"),
        "loss, against its class's": np.argsort(own - usual[labels], kind="stable"),
        "margin, against its class's": np.argsort(against(shares, labels, usual), kind="stable"),
    }


def against(
    shares: NDArray[np.float64], labels: NDArray[np.int64], usual: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The margin of probabilities from which their class's usual one is taken."""
    each, less = np.arange(len(labels)), shares - usual
    own = less[each, labels].copy()
    less[each, labels] = -np.inf
    return own - less.max(axis=1)


def by_training(data: Path, folder: Path, seed: int, weights: Path | None) -> OutOfFold:
    """Each fold is a run of its own."""
    run = martlet.train(
        data, model=MODEL, image_size=SIDE, epochs=EPOCHS, seed=seed, weights=weights,
        cross_validate=str(FOLDS), folder=folder, name="folds", quiet=True,
    )  # fmt: skip
    return read_out_of_fold(run.folder)


def by_linear_head(data: Path, weights: Path, seed: int) -> OutOfFold:
    """What --check-labels asks, without the training behind it."""
    import torch

    net = martlet.load(weights).eval()
    pictures = sorted(data.glob("*/*"))
    classes = sorted({path.parent.name for path in pictures})
    targets = np.array([classes.index(path.parent.name) for path in pictures])
    how = type(net.preprocess)(SIDE, mean=net.preprocess.mean, std=net.preprocess.std)
    features = []
    with torch.inference_mode():
        for start in range(0, len(pictures), 32):
            batch = np.stack([how(path) for path in pictures[start : start + 32]])
            features.append(net.pool(net.forward_features(torch.from_numpy(batch))).numpy())
    folds = np.random.default_rng(seed).permutation(len(targets)) % FOLDS
    logits = out_of_fold_logits(np.concatenate(features), targets, folds, len(classes))
    names = np.array([f"{path.parent.name}/{path.name}" for path in pictures])
    return OutOfFold(np.array(classes), names, names, targets, folds, logits)


def rows(
    how: str, seed: int, found: OutOfFold, wrong: set[str], seconds: float
) -> Iterator[dict[str, Any]]:
    """A row for each order."""
    is_wrong = np.array([name in wrong for name in found.names.tolist()])
    truth = found.logits.argmax(axis=1) == found.targets
    for order, numbers in orders(found.logits, found.targets).items():
        share = is_wrong[numbers[: len(wrong)]].sum() / len(wrong)
        yield {
            "answers": how, "order": order, "seed": seed, "epochs": EPOCHS, "side": SIDE,
            "flipped": len(wrong), "found_among_as_many": f"{share:.3f}",
            "suspects": len(suspects(found.logits, found.targets)),
            "agree_with_the_labels": f"{truth.mean():.3f}", "seconds": f"{seconds:.0f}",
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("flowers", type=Path)
    parser.add_argument("--weights", type=Path, help="a run of other pictures")
    options = parser.parse_args()
    known = {(row["answers"], row["seed"]) for row in rows_of("labels")}
    ways = ["five folds, fresh"]
    if options.weights is not None:
        ways += ["linear head", "five folds, from weights"]
    for seed in SEEDS:
        for how in ways:
            if (how, str(seed)) in known:
                continue
            with tempfile.TemporaryDirectory() as scratch:
                data, wrong = flipped(options.flowers, Path(scratch) / "flowers", seed)
                started = time.perf_counter()
                if how == "linear head":
                    found = by_linear_head(data, options.weights, seed)
                else:
                    weights = options.weights if how.endswith("weights") else None
                    found = by_training(data, Path(scratch), seed, weights)
                seconds = time.perf_counter() - started
            for row in rows(how, seed, found, wrong, seconds):
                add_row("labels", row)


if __name__ == "__main__":
    main()
