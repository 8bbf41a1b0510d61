"""What splits of a scene's pixels let through, and what they keep of real label maps.

    python benchmarks/scene_splits.py
    python benchmarks/scene_splits.py SalinasA_gt.mat paviaU_gt.mat    # windows 25, 9; 1, 5, 10 %

The first scores scenes of noise, in which blocks have labels by chance: nothing can be learnt of a
block that was not seen, so what is above chance is leakage. The nearest neighbour classifies means
of windows. Writes results/scene_splits.csv. The second prints the share of the pixels not trained
on that is held out and not lost to the guard: of the class that keeps least, and of all.
"""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record import write_rows
from scipy.ndimage import uniform_filter
from sklearn.neighbors import KNeighborsClassifier

from martlet.data.scenes.labels import read_labels
from martlet.data.scenes.pixel_split import PixelSplit, within
from martlet.data.scenes.regions import split_pixels
from martlet.errors import MartletError

SIDE, CLASSES, BANDS, WINDOW, TRAIN_SHARE, SEEDS = 100, 4, 20, 9, 0.1, 20
# What is noise; side of a block in pixels; whether each block has a spectrum of its own.
SCENES = {
    "blocks of 5×5, each one spectrum": (5, True),
    "blocks of 20×20, each pixel another spectrum": (20, False),
    "blocks of 20×20, each one spectrum": (20, True),
}
SPLITS: dict[str, dict[str, Any]] = {
    "random": {"protocol": "random"},
    "disjoint": {"protocol": "disjoint"},
    "disjoint, guard of a window - 1": {"protocol": "disjoint", "guard": WINDOW - 1},
}


def noise(block: int, one_spectrum: bool, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Spectra (rows, columns, bands) and labels by chance (rows, columns)."""
    rng = np.random.default_rng(seed)
    count = SIDE // block
    whole = np.ones((block, block), int)
    labels = np.kron(rng.integers(1, CLASSES + 1, (count, count)), whole)
    spectra = rng.normal(size=(SIDE, SIDE, BANDS))
    if one_spectrum:
        spectra *= 0.1
        spectra += np.kron(rng.normal(size=(count, count, BANDS)), whole[:, :, None])
    return spectra, labels


def right_answers(spectra: NDArray[Any], split: PixelSplit) -> NDArray[np.bool_]:
    """Of the test pixels, by the nearest neighbour among the training pixels."""
    windows = uniform_filter(spectra, (WINDOW, WINDOW, 0)).reshape(-1, BANDS)
    labels, train, test = split.labels.ravel(), split.indices("train"), split.indices("test")
    model = KNeighborsClassifier(1).fit(windows[train], labels[train])
    return np.asarray(model.predict(windows[test]) == labels[test])


def row(scene: str, split: str) -> dict[str, Any]:
    """Accuracy over the seeds; of the test pixels whose windows overlap training windows, too.

    Chance is that of labels drawn as often as they are among the training pixels.
    """
    scores, chance, overlapping, seen = [], [], [], []
    for seed in range(SEEDS):
        spectra, labels = noise(*SCENES[scene], seed)
        parts = split_pixels(
            labels, window=WINDOW, train_share=TRAIN_SHARE, seed=seed, **SPLITS[split]
        )
        right = right_answers(spectra, parts)
        near = within(parts.parts == 1, WINDOW - 1).ravel()[parts.indices("test")]
        scores.append(right.mean())
        train, test = (np.array(list(parts.counts(part).values())) for part in ("train", "test"))
        chance.append(train @ test / (train.sum() * test.sum()))
        seen.append(near.mean())
        overlapping += [right[near].mean()] if near.any() else []
    return {
        "scene": scene,
        "split": split,
        "chance": f"{np.mean(chance):.3f}",
        "accuracy": f"{np.mean(scores):.3f}",
        "lowest": f"{min(scores):.3f}",
        "highest": f"{max(scores):.3f}",
        "overlapping_share": f"{np.mean(seen):.3f}",
        "overlapping_accuracy": f"{np.mean(overlapping):.3f}" if overlapping else "",
    }


def print_kept(path: str) -> None:
    """What disjoint splits of a label map keep."""
    found = read_labels(path)
    for window in (25, 9):
        for share in (0.01, 0.05, 0.1):
            kept, whole = [], []
            for seed in range(5):
                try:
                    split = split_pixels(
                        found.labels, window=window, train_share=share, seed=seed, names=found.names
                    )
                except MartletError as error:
                    print(f"{path} window {window} train_share {share:g}: {error}")
                    break
                kept.append(min(split.kept.values()))
                held = len(split.indices("val")) + len(split.indices("test"))
                whole.append(held / (held + len(split.indices("guard"))))
            else:
                print(
                    f"{path} window {window} train_share {share:g}: least {np.mean(kept):.1%} "
                    f"({min(kept):.1%} to {max(kept):.1%}), all {np.mean(whole):.1%} "
                    f"({min(whole):.1%} to {max(whole):.1%})"
                )


if __name__ == "__main__":
    if sys.argv[1:]:
        for path in sys.argv[1:]:
            print_kept(path)
    else:
        write_rows("scene_splits", [row(scene, split) for scene in SCENES for split in SPLITS])
