"""What each part of the loss of the detector Lite brings, on shapes that are made on the spot.

    python benchmarks/box_loss.py            # results/box_loss.csv
    python benchmarks/box_loss.py --table

The set is that of `demo boxes`, dealt anew by each seed; shufflenet_v2_x0_5 at 128 pixels, from
fresh weights, everything else by default. Each arm changes one thing. Goes on where it was stopped.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import torch
import torch.nn.functional as F
from record import add_row, rows_of, spread
from torch import Tensor

import martlet
from martlet.data.boxes.synthetic import write_shapes
from martlet.models.detectors import lite
from martlet.tasks.detection import loss

NAME = "box_loss"
MODEL, SIDE, BATCH, EPOCHS = "shufflenet_v2_x0_5", 128, 8, 12


class Focal:
    """torch.nn.functional with the quality focal loss (arXiv 2006.04388) as cross-entropy."""

    @staticmethod
    def binary_cross_entropy_with_logits(logits: Tensor, asked: Tensor, reduction: str) -> Tensor:
        """Cross-entropy times the square of what is lacking."""
        cross = F.binary_cross_entropy_with_logits(logits, asked, reduction=reduction)
        return cross * (asked - logits.sigmoid()).abs() ** 2


def _of_no_size(num_classes: int) -> Tensor:
    """First answers that say nothing of distances, whose mean is that of all bins then."""
    found = FIRST(num_classes)
    found[num_classes:] = 0
    return found


FIRST = lite._first_answers
Patch = tuple[object, str, object]
FOCAL: Patch = (loss, "F", Focal)
LIGHT: tuple[Patch, ...] = ((loss, "IOU_WEIGHT", 2.0), (loss, "DISTRIBUTION_WEIGHT", 0.25))
NO_SIZE: Patch = (lite, "_first_answers", _of_no_size)
ARMS: dict[str, Sequence[Patch]] = {
    "as it is": (),
    "scores by the quality focal loss": (FOCAL,),
    "boxes and distributions weigh 2 and 1/4": LIGHT,
    "first boxes of seven strides": (NO_SIZE,),
    "all three, as Generalized Focal Loss": (FOCAL, *LIGHT, NO_SIZE),
}


def measure(arms: Sequence[str], seeds: Sequence[int]) -> None:
    """A row for each that has none."""
    known = {(row["arm"], row["seed"]) for row in rows_of(NAME)}
    for seed in seeds:
        for arm in arms:
            if (arm, str(seed)) in known:
                continue
            with tempfile.TemporaryDirectory() as folder, ExitStack() as patched:
                for where, name, value in ARMS[arm]:
                    patched.enter_context(patch.object(where, name, value))
                files = write_shapes(Path(folder) / "shapes", seed)
                run = martlet.train(
                    files.folder, boxes=files.names, model=MODEL, image_size=SIDE,
                    epochs=EPOCHS, batch_size=BATCH, seed=seed, folder=folder, log="none",
                    workers=0, quiet=True,
                )  # fmt: skip
            figures = {name: f"{run.metrics[name]:.4f}" for name in ("ap", "ap50")}
            add_row(
                NAME,
                {
                    "arm": arm, "seed": seed, "epochs": EPOCHS, **figures,
                    "seconds": round(run.metrics["seconds"]), "threads": torch.get_num_threads(),
                },
            )  # fmt: skip


def table(written: Callable[[Sequence[str], Sequence[Sequence[str]]], str]) -> str:
    """Mean and range of each arm over its seeds."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows_of(NAME):
        found[row["arm"]].append(row)
    lines = []
    for arm, rows in found.items():
        figures = [spread([100 * float(row[name]) for row in rows]) for name in ("ap50", "ap")]
        lines.append([arm, *figures, str(len(rows))])
    return written(["loss", "AP50, %", "AP, %", "seeds"], lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.table:
        print(table(lambda heads, lines: "\n".join(" | ".join(one) for one in (heads, *lines))))
    else:
        measure(given.arms, given.seeds)


if __name__ == "__main__":
    main()
