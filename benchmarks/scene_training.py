"""An epoch on pixels within tiles against one window by window, and the accuracies of both.

    python benchmarks/scene_training.py SalinasA_corrected.mat SalinasA_gt.mat IndianPines_gt.mat

Both ways train HybridSN from the same weights with the same pixels, batches of as many of them and
as many steps; one after the other, seed by seed, in one process. Salinas-A is real; the spectra of
Indian Pines are made up for its real label map. `neighbours` is how much of a batch may lie within
16×16 places, which is how tiles are mixed. Accuracies are those of the test pixels after the last
epoch; seconds those of training an epoch. Goes on where it was stopped; a row is written after each
run, to results/scene_training.csv.
"""

import argparse
import csv
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from record import RESULTS, append
from scipy.ndimage import gaussian_filter

from martlet import train
from martlet.data.scenes import tiles
from martlet.data.scenes.labels import read_labels
from martlet.measuring.machine import machine
from martlet.workflows.allocator import keep_freed_memory

BANDS = 200  # of made-up spectra


@dataclass(frozen=True)
class Case:
    """One run. tiles: as of train. neighbours: of a batch within 16×16 places; 0 for windows."""

    scene: str
    model: str
    window: int
    protocol: str
    train_share: float
    batch_size: int
    epochs: int
    seed: int
    flip: bool
    tiles: str
    neighbours: float


def cases() -> Iterator[Case]:
    """The bars first, then with flips, then mixtures, shares and small windows."""
    twice = 1 / 16  # as many neighbours as usual
    usual, salinas, indian = tiles.NEIGHBOURS, "Salinas-A", "Indian Pines, made up"
    rows = (
        (salinas, 25, "random", 0.1, 256, 20, 2, False, (usual,)),
        (indian, 25, "random", 0.1, 256, 40, 2, False, (usual,)),
        (indian, 25, "random", 0.1, 256, 40, 1, True, (usual, twice)),
        (salinas, 25, "disjoint", 0.1, 256, 20, 1, False, (usual,)),
        (indian, 11, "disjoint", 0.1, 256, 20, 1, False, (usual,)),
        (salinas, 25, "random", 0.1, 256, 30, 2, True, (twice,)),
        (salinas, 25, "disjoint", 0.1, 256, 30, 1, True, (twice,)),
        (indian, 11, "disjoint", 0.1, 256, 20, 2, True, (twice,)),
        (salinas, 25, "random", 0.1, 64, 10, 1, True, (twice, 0.25)),
        (indian, 11, "disjoint", 0.1, 64, 20, 2, False, (usual, 0.25)),
        (salinas, 25, "random", 0.05, 256, 40, 1, False, (usual,)),
        (salinas, 25, "random", 0.01, 256, 100, 1, False, (usual,)),
        (salinas, 9, "random", 0.1, 256, 40, 1, False, (usual,)),
        (salinas, 9, "disjoint", 0.1, 256, 40, 1, False, (usual,)),
    )
    for scene, window, protocol, share, batch, epochs, seeds, flip, mixtures in rows:
        model = "hybridsn" if scene == indian else "hybridsn_salinas"
        for seed in range(seeds):
            given = (scene, model, window, protocol, share, batch, epochs, seed, flip)
            yield Case(*given, tiles="off", neighbours=0)
            yield from (Case(*given, tiles="on", neighbours=mixed) for mixed in mixtures)
    given = (indian, "hybridsn", 25, "random", 0.1, 256, 40, 0, False)
    yield Case(*given, tiles="on", neighbours=twice)
    for seed in range(2):  # twice the epochs, which is half the time of windows
        given = (indian, "hybridsn", 25, "random", 0.1, 256, 80, seed, False)
        yield Case(*given, tiles="on", neighbours=usual)


def made_up(labels: NDArray[Any]) -> NDArray[np.float32]:
    """Spectra (rows, columns, BANDS): a smooth one for each class, light that varies over the
    scene, a second spectrum mixed in by places, and noise."""
    rng = np.random.default_rng(0)
    number = int(labels.max()) + 1
    spectra = gaussian_filter(rng.normal(size=(2 * number, BANDS)), (0, 12)) * 4 + 1
    light, other = (gaussian_filter(rng.normal(size=labels.shape), 6) for _ in range(2))
    light, other = (field / field.std() for field in (light, other))
    share = np.clip(0.35 + 0.25 * other, 0, 0.8)[..., None]
    mixed = spectra[labels] * (1 - share) + spectra[number + labels % 3] * share
    noise = rng.normal(size=mixed.shape) * 0.5
    return ((mixed * (1 + 0.1 * light[..., None])) + noise).astype(np.float32)


def result(case: Case, data: Path, labels: Path) -> dict[str, Any]:
    """The row of a run."""
    tiles.NEIGHBOURS = case.neighbours or tiles.NEIGHBOURS
    with tempfile.TemporaryDirectory() as folder:
        run = train(
            data, labels=labels, folder=folder, quiet=True, optimizer="adamw",
            val=0.0, workers=0, batch_size=case.batch_size, model=case.model, window=case.window,
            protocol=case.protocol, train_share=case.train_share, epochs=case.epochs,
            seed=case.seed, flip=case.flip, tiles=case.tiles,
        )  # fmt: skip
    counts = run.metrics["counts"]
    return {
        **asdict(case),
        "train_pixels": sum(counts["train"]),
        "test_pixels": sum(counts["test"]),
        "epoch_s": round(run.metrics["seconds"] / case.epochs, 3),
        "accuracy": f"{run.metrics['top1']:.4f}",
        "threads": torch.get_num_threads(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scene", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("indian_pines", type=Path, help="its label map")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS / "scene_training.csv")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    keep_freed_memory()
    known = set()
    if given.results.exists():
        with given.results.open(encoding="utf-8") as file:
            known = {
                tuple(row[name] for name in Case.__annotations__) for row in csv.DictReader(file)
            }
    with tempfile.TemporaryDirectory() as scratch:
        spectra = Path(scratch) / "made_up.npy"
        np.save(spectra, made_up(read_labels(given.indian_pines).labels))
        files = {
            "Salinas-A": (given.scene, given.labels),
            "Indian Pines, made up": (spectra, given.indian_pines),
        }
        for case in cases():
            if tuple(map(str, asdict(case).values())) in known:
                continue
            row = {**result(case, *files[case.scene]), **machine()}
            print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
            append(given.results, row)


if __name__ == "__main__":
    main()
