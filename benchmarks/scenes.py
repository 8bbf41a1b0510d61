"""HybridSN on a scene, split by regions and by chance, against an SVM and a random forest.

    python benchmarks/scenes.py SalinasA_corrected.mat SalinasA_gt.mat

Every method learns from the same pixels and is scored on the same ones; no pixel is used to choose
an epoch, and the last one is scored. SVM and forest see a pixel's spectrum, the network the window
around it. The SVM's C and gamma are those of the best cross-validated accuracy on the training
pixels. Then single changes of the network at 5 % of the labels: window, components, flips,
components of all pixels, and the 2-D-only and 3-D-only forms. Goes on where it was stopped; a row
is written after each run, to results/scenes.csv.
"""

import argparse
import csv
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import record
import torch
from numpy.typing import NDArray
from record import RESULTS
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import cohen_kappa_score, recall_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from martlet import train
from martlet.data.scenes.kind import SCENES
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.scenes.samples import SceneSamples
from martlet.data.split import Split
from martlet.measuring.machine import machine
from martlet.models.hybridsn import HybridSN
from martlet.models.whole_scene import WholeScene
from martlet.training import checkpoint
from martlet.workflows.train.options import TrainOptions

MODEL, BATCH = "hybridsn_salinas", 16
EPOCHS = {0.01: 200, 0.05: 60, 0.1: 40}  # 600 to 1,320 steps
GRID = {"svc__C": [1, 10, 100, 1000], "svc__gamma": [1e-4, 1e-3, 1e-2, 1e-1, 1]}
TREES, FOLDS, SEEDS = 500, 5, 5
METHODS = ("hybridsn", "svm", "random forest")
FORMS = {"2-D only": "2d", "3-D only": "3d"}  # of HybridSN, by the names of the results


@dataclass(frozen=True)
class Experiment:
    """One run; `seed` draws the split and the first weights."""

    method: str
    protocol: str
    train_share: float
    seed: int
    window: int = 9
    components: int = 15
    flip: bool = True
    pca: str = "training"

    @property
    def options(self) -> dict[str, Any]:
        """Of `martlet.train`."""
        return {
            "model": MODEL,
            "model_options": {"convolutions": FORMS.get(self.method, "hybrid")},
            "window": self.window,
            "components": self.components,
            "protocol": self.protocol,
            "train_share": self.train_share,
            "seed": self.seed,
            "flip": self.flip,
            "pca": self.pca,
            "val": 0.0,
            "epochs": EPOCHS[self.train_share],
            "batch_size": BATCH,
            "optimizer": "adamw",
            "lr": 1e-3,
            "tiles": "off",  # all forms of the network go the same way
        }


def experiments() -> Iterator[Experiment]:
    """All runs, the main table's first."""
    seeds = range(SEEDS)
    for share in EPOCHS:
        for protocol in ("disjoint", "random"):
            for method in METHODS:
                yield from (Experiment(method, protocol, share, seed) for seed in seeds)
    for protocol in ("disjoint", "random"):
        changes: list[dict[str, Any]] = [
            *({"method": name} for name in FORMS),
            *({"window": side} for side in (13, 17, 25)),
            *({"components": number} for number in (13, 30)),
            {"flip": False},
            {"pca": "whole-scene"},
        ]
        for change in changes:
            for seed in seeds:
                given: dict[str, Any] = {"method": "hybridsn", **change}
                yield Experiment(protocol=protocol, train_share=0.05, seed=seed, **given)


def read(data: Path, labels: Path, experiment: Experiment) -> tuple[SceneSamples, Split]:
    """The samples, with components fitted on the training pixels, and the split."""
    options = TrainOptions(labels=labels, **experiment.options)
    unfitted = SCENES.prepare(options, None, {})
    samples = SCENES.read(
        data,
        unfitted,
        options=options,
        max_bad=0.0,
        min_classes=2,
        check=None,
        progress=None,
    )
    assert isinstance(samples, SceneSamples)
    assert isinstance(unfitted, ScenePreprocess)
    assert SCENES.split is not None
    split = SCENES.split(samples, options)
    return samples.fit(unfitted, split.train), split


def by_network(
    data: Path, labels: Path, experiment: Experiment, samples: SceneSamples, split: Split
) -> tuple[NDArray[Any], float]:
    """Answers of a network that was trained, and the seconds that training took."""
    test = list(split.test)
    with tempfile.TemporaryDirectory() as folder:
        run = train(data, labels=labels, folder=folder, workers=0, quiet=True, **experiment.options)
        model, header = checkpoint.load_model(run.folder / "model.safetensors")
    assert isinstance(model, HybridSN)
    assert header.classes == samples.classes
    scene = torch.from_numpy(samples.padded).permute(2, 0, 1)[None, None]
    with torch.inference_mode():
        answers = WholeScene(model.eval())(scene)[0].argmax(0).numpy()
    return answers[samples.rows[test], samples.columns[test]], run.metrics["seconds"]


def by_spectrum(
    experiment: Experiment, samples: SceneSamples, split: Split
) -> tuple[NDArray[Any], float]:
    """Answers of the SVM or the forest, and the seconds that learning took."""
    block = samples.scene.block(slice(None), slice(None))
    spectra = block[samples.rows, samples.columns].astype(np.float64)
    labels, learnt = np.asarray(samples.labels), list(split.train)
    started = time.perf_counter()
    if experiment.method == "svm":
        folds = min(FOLDS, int(np.bincount(labels[learnt]).min()))
        cross = StratifiedKFold(folds, shuffle=True, random_state=experiment.seed)
        svm = make_pipeline(StandardScaler(), SVC(cache_size=500))
        model: Any = GridSearchCV(svm, GRID, cv=cross)
    else:
        model = RandomForestClassifier(TREES, random_state=experiment.seed)
    model.fit(spectra[learnt], labels[learnt])
    seconds = time.perf_counter() - started
    return model.predict(spectra[list(split.test)]), seconds


def result(data: Path, labels: Path, experiment: Experiment) -> dict[str, Any]:
    """The row of a run."""
    samples, split = read(data, labels, experiment)
    if experiment.method in ("svm", "random forest"):
        answers, seconds = by_spectrum(experiment, samples, split)
    else:
        answers, seconds = by_network(data, labels, experiment, samples, split)
    truth = np.asarray(samples.labels)[list(split.test)]
    network = experiment.method not in ("svm", "random forest")
    return {
        "scene": data.stem,
        **asdict(experiment),
        "epochs": EPOCHS[experiment.train_share] if network else "",
        "train_pixels": len(split.train),
        "test_pixels": len(split.test),
        "overall": f"{np.mean(answers == truth):.4f}",
        "average": f"{recall_score(truth, answers, average='macro'):.4f}",
        "kappa": f"{cohen_kappa_score(truth, answers):.4f}",
        "seconds": f"{seconds:.1f}",
    }


def done(path: Path) -> list[dict[str, str]]:
    """The rows that are there."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def append(path: Path, row: dict[str, Any]) -> None:
    """One row, with the machine; a line is written at once."""
    record.append(path, {**row, "threads": torch.get_num_threads(), **machine()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scene", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS / "scenes.csv")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    known = {tuple(row[name] for name in Experiment.__annotations__) for row in done(given.results)}
    for experiment in experiments():
        if tuple(map(str, asdict(experiment).values())) in known:
            continue
        row = result(given.scene, given.labels, experiment)
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        append(given.results, row)


if __name__ == "__main__":
    main()
