"""Which score tells pictures of a class that a network has never seen from those of known ones.

    python benchmarks/unknown.py FLOWERS     # FLOWERS/CLASS; goes on where it was stopped

Each class is left out in turn, `shufflenet_v2_x0_5` learns the others, and is then asked about the
test pictures of these and about all pictures of the class left out; three seeds, which also split.
Scores of the calibrated logits: their energy, the highest one, and the highest probability, which
is the usual baseline; and the energy of the logits as the network gives them.

AUROC: the chance that a known picture scores above an unknown one. caught_at_share: of the unknown
pictures, the share below the score that rejects 5 % of the known test pictures. The last columns
are what `predict --unknown` does, whose threshold knows the validation part alone: the share of
known test pictures that it rejects, and that of unknown ones that it catches. Writes
results/unknown.csv, a row for each class, seed and score.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from record import add_row, rows_of
from sklearn.metrics import roc_auc_score

from martlet import train
from martlet.tasks.rejection import ENERGY, SCORES, score
from martlet.workflows.open_network import open_network

MODEL = "shufflenet_v2_x0_5"
SHARE = 0.05  # of known pictures that are rejected
NAMES = (*SCORES, "energy, not calibrated")
PARTS = {"val": 0.2, "test": 0.2}
Logits = NDArray[np.float32]


def scores_of(logits: Logits, temperature: float) -> dict[str, NDArray[np.float64]]:
    """Every score of calibrated logits (pictures, classes), the higher the more known."""
    values = [score(name, logits) for name in SCORES]
    values.append(score(ENERGY, logits * np.float32(temperature)))
    return dict(zip(NAMES, values, strict=True))


def logits_of(run: Path, pictures: Sequence[Path]) -> Logits:
    """Calibrated logits of some pictures."""
    network = open_network(run, "cpu")
    parts = []
    for start in range(0, len(pictures), 32):
        chosen = pictures[start : start + 32]
        parts.append(network.logits(np.stack([network.preprocess(path) for path in chosen])))
    return np.concatenate(parts)


def linked(flowers: Path, folder: Path, left_out: str, most: int) -> Path:
    """A folder that links to the pictures of all other classes."""
    for found in sorted(flowers.iterdir()):
        if found.is_dir() and found.name != left_out:
            (folder / found.name).mkdir(parents=True)
            for picture in sorted(found.iterdir())[:most]:
                (folder / found.name / picture.name).symlink_to(picture.resolve())
    return folder


def measure(
    flowers: Path, left_out: str, seed: int, options: argparse.Namespace, done: set[str]
) -> None:
    """Train on the other classes and add a row for each score but those that are `done`."""
    with tempfile.TemporaryDirectory() as scratch:
        data = linked(flowers, Path(scratch) / "known", left_out, options.most)
        run = train(
            data,
            model=MODEL,
            image_size=options.size,
            epochs=options.epochs,
            seed=seed,
            reject=SHARE,
            folder=Path(scratch),
            quiet=True,
            **PARTS,
        )
        split = json.loads((run.folder / "split.json").read_text(encoding="utf-8"))
        known = {
            part: logits_of(run.folder, [data / row[0] for row in split[part]])
            for part in ("val", "test")
        }
        others = sorted((flowers / left_out).iterdir())[: options.most]
        unknown = logits_of(run.folder, others)
    temperature = run.metrics["temperature"]
    val, test = (scores_of(known[part], temperature) for part in ("val", "test"))
    for name, values in scores_of(unknown, temperature).items():
        if name in done:
            continue
        sides = np.concatenate([test[name], values])
        truth = np.repeat([1, 0], [len(test[name]), len(values)])
        at_share, fitted = (np.quantile(part[name], SHARE) for part in (test, val))
        row = {
            "left_out": left_out,
            "seed": seed,
            "score": name,
            "size": options.size,
            "epochs": options.epochs,
            "pictures": options.most,
            "top1": f"{run.metrics['top1']:.4f}",
            "temperature": f"{temperature:.3f}",
            "auroc": f"{roc_auc_score(truth, sides):.4f}",
            "caught_at_share": f"{(values < at_share).mean():.4f}",
            "known_rejected": f"{(test[name] < fitted).mean():.4f}",
            "unknown_caught": f"{(values < fitted).mean():.4f}",
        }
        add_row("unknown", row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("flowers", type=Path)
    parser.add_argument("--size", type=int, default=64, help="side of the pictures in pixels")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--most", type=int, default=200, help="pictures of each class")
    options = parser.parse_args()
    asked = {"size": options.size, "epochs": options.epochs, "pictures": options.most}
    done: dict[tuple[str, str], set[str]] = {}
    for row in rows_of("unknown"):
        if all(row[name] == str(value) for name, value in asked.items()):
            done.setdefault((row["left_out"], row["seed"]), set()).add(row["score"])
    names = sorted(path.name for path in options.flowers.iterdir() if path.is_dir())
    for seed in range(options.seeds):
        for left_out in names:
            scores = done.get((left_out, str(seed)), set())
            if len(scores) < len(NAMES):
                measure(options.flowers, left_out, seed, options, scores)
    rows = [row for row in rows_of("unknown") if row["size"] == str(options.size)]
    for name in dict.fromkeys(row["score"] for row in rows):
        own = [row for row in rows if row["score"] == name]
        means = {
            figure: np.mean([float(row[figure]) for row in own])
            for figure in ("auroc", "caught_at_share", "known_rejected", "unknown_caught")
        }
        print(name, len(own), "  ".join(f"{figure} {mean:.3f}" for figure, mean in means.items()))


if __name__ == "__main__":
    main()
