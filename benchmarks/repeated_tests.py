"""How much tests of one network differ when they are repeated, and why.

    python benchmarks/repeated_tests.py SalinasA_corrected.mat SalinasA_gt.mat

Five times each: a checkpoint scored as it is, scored with dropout left on, and trained anew with
one seed, with other first weights and orders on the same split, and with other splits too.
Split by regions, 5 % of the labels, window 9. Writes results/repeated_tests.csv.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from record import write_rows
from scenes import Experiment, read

from martlet import train
from martlet.data.batches import EvalBatches
from martlet.data.scenes.to_input import ToInput
from martlet.models.hybridsn import DROP_RATE
from martlet.training import checkpoint

TIMES, EPOCHS = 5, 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scene", type=Path)
    parser.add_argument("labels", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    experiment = Experiment("hybridsn", "disjoint", 0.05, 0)
    samples, split = read(given.scene, given.labels, experiment)
    assert samples.preprocess is not None
    with tempfile.TemporaryDirectory() as folder:
        parts = np.zeros(samples.scene.shape[:2], np.uint8)
        for value, part in enumerate((split.train, split.test), 1):
            parts[samples.rows[list(part)], samples.columns[list(part)]] = value
        np.save(Path(folder) / "parts.npy", parts)

        def trained(seed: int, **other: Any) -> Any:
            options = {**experiment.options, "epochs": EPOCHS, "seed": seed, **other}
            return train(
                given.scene, labels=given.labels, folder=folder, name="run", overwrite=True,
                workers=0, quiet=True, **options,
            )  # fmt: skip

        same_split = {"protocol": f"{folder}/parts.npy"}
        found = {
            "trained again, the same seed": [trained(0).metrics["top1"] for _ in range(TIMES)],
            "trained again, other seeds, the same split": [
                trained(seed, **same_split).metrics["top1"] for seed in range(TIMES)
            ],
            "trained again, other seeds and splits": [
                trained(seed).metrics["top1"] for seed in range(TIMES)
            ],
        }
        run = trained(0)
        found["scored again"] = [run.metrics["top1"]] + [
            score(run.checkpoint, samples, split.test, dropout=False) for _ in range(TIMES - 1)
        ]
        found["scored again, dropout left on"] = [
            score(run.checkpoint, samples, split.test, dropout=True) for _ in range(TIMES)
        ]
    rows = [
        {
            "what": what,
            "times": len(scores),
            "lowest": f"{min(scores):.4f}",
            "mean": f"{np.mean(scores):.4f}",
            "highest": f"{max(scores):.4f}",
            "different": len(set(scores)),
        }
        for what, scores in found.items()
    ]
    write_rows("repeated_tests", rows)


@torch.inference_mode()
def score(path: Path, samples: Any, chosen: Any, dropout: bool) -> float:
    """Accuracy of a checkpoint on these pixels."""
    model, _ = checkpoint.load_model(path)
    model.eval()
    model.dropout.p = DROP_RATE  # that of a network from a file is 0: it cannot be left on there
    model.dropout.train(dropout)
    labels, to_input = np.asarray(samples.labels), ToInput()
    batches = EvalBatches(samples, labels, chosen, preprocess=samples.preprocess, batch_size=256)
    right = [model(to_input(windows)).argmax(1) == truth for windows, truth in batches]
    return float(torch.cat(right).double().mean())


if __name__ == "__main__":
    main()
