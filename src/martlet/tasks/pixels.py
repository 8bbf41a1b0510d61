"""One class for each labelled pixel of a scene: classification, in the figures of its field."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.scenes.samples import SceneSamples
from martlet.data.scenes.summaries import class_spectra, three_bands
from martlet.measuring.accuracy import Evaluation, evaluation, number_of
from martlet.report.class_colours import class_colours
from martlet.report.confusion import draw_confusion
from martlet.report.false_colour import false_colour, false_colour_bands
from martlet.report.result import percent
from martlet.report.scene_maps import draw_errors, draw_map, draw_scene, draw_split
from martlet.report.spectra import draw_spectra
from martlet.tasks import classification
from martlet.tasks.classification import CLASSIFICATION
from martlet.tasks.task import Scored

ALIKE = (
    "Neighbouring pixels are alike, so the interval is too narrow: other seeds may differ by more."
)


def evaluate(
    logits: NDArray[np.float32], labels: NDArray[np.int64], classes: Sequence[str]
) -> Evaluation:
    """As of pictures, and Cohen's kappa (1960): agreement beyond what chance gives.

    top1 is what the field calls overall accuracy, balanced_top1 its average accuracy: the mean
    recall of the classes that have a pixel. kappa is left out where there is one class alone.
    """
    from sklearn.metrics import cohen_kappa_score

    found = evaluation(logits, labels, classes)
    answers = logits.argmax(axis=1)
    if len(np.union1d(answers, labels)) > 1:
        found.metrics["kappa"] = float(cohen_kappa_score(labels, answers))
    return found


def told(network: str, metrics: Mapping[str, Any]) -> list[str]:
    """The result in sentences, and what it cannot promise."""
    first, *rest = classification.told(network, metrics)
    if not number_of(metrics)[0]:
        return [first, *rest]
    return [first, figures(metrics), *rest, ALIKE]


def figures(metrics: Mapping[str, Any]) -> str:
    """Overall and average accuracy and kappa in a sentence; "optimistic" where they are."""
    kappa = f", kappa {metrics['kappa']:.3f}" if "kappa" in metrics else ""
    word = " (optimistic)" if metrics.get("caution") else ""
    return (
        f"Overall accuracy {percent(metrics['top1'])}, average accuracy over the classes "
        f"{percent(metrics['balanced_top1'])}{kappa}{word}."
    )


def draw(found: Evaluation, scored: Scored) -> None:
    """confusion.png; scene.png, truth.png, split.png, errors.png and spectra.png of a scene."""
    folder, samples = scored.folder, scored.samples
    draw_confusion(found.confusion, scored.outputs, folder / "confusion.png", "pixels")
    if not isinstance(samples, SceneSamples):
        return
    scene, names = samples.scene, samples.classes
    colours = class_colours(len(names), samples.colours)
    bands, told = false_colour_bands(scene.shape[2], scene.wavelengths, samples.left_out)
    shown = three_bands(scene, bands, samples.left_out)
    draw_scene(false_colour(shown), told, folder / "scene.png")
    truth = _map(samples, range(len(samples)), np.asarray(samples.labels))
    draw_map(truth, names, colours, folder / "truth.png")
    answers = _map(samples, scored.indices, found.logits.argmax(axis=1))
    targets = _map(samples, scored.indices, found.labels)
    truth[targets >= 0] = targets[targets >= 0]  # as the network numbers them
    draw_errors(answers, truth, folder / "errors.png", scored=answers >= 0)
    if scored.split is not None:
        parts = np.full(scene.shape[:2], -1)
        for number, part in enumerate(("train", "val", "test", "dropped")):
            chosen = getattr(scored.split, part)
            parts[samples.rows[list(chosen)], samples.columns[list(chosen)]] = number
        draw_split(parts, folder / "split.png")
        mean, deviation = class_spectra(samples, scored.split.train)
        path = folder / "spectra.png"
        draw_spectra(mean, deviation, names, colours, path, scene.wavelengths)


def _map(
    samples: SceneSamples, indices: Sequence[int], values: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Values of some samples at their places in the scene (rows, columns); -1 elsewhere."""
    found = np.full(samples.scene.shape[:2], -1)
    found[samples.rows[list(indices)], samples.columns[list(indices)]] = values
    return found


PIXELS = replace(CLASSIFICATION, name="pixels", evaluate=evaluate, told=told, draw=draw)
