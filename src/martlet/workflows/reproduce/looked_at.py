"""What the networks of an experiment look at: the same test pictures, a column for each network."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.sources import image_of
from martlet.models.class_activation import class_activation
from martlet.report.predictions import Shown, draw_predictions
from martlet.tasks.prediction import softmax
from martlet.training import checkpoint
from martlet.workflows.reproduce.experiment import Experiment
from martlet.workflows.reproduce.part import Part
from martlet.workflows.reproduce.queue import MODELS
from martlet.workflows.reproduce.tasks import Task
from martlet.workflows.torch_network import torch_network

NAME = "looked_at.png"
PICTURES = 6
OF_SEED = 0  # whose weights are kept for it


def is_looked_at(experiment: Experiment, task: Task) -> bool:
    """Whether a run's weights are kept, to show what its network looks at."""
    return task.row in experiment.looked_at and task.seed == OF_SEED


def draw_looked_at(
    experiment: Experiment, tasks: Sequence[Task], folder: Path, place: Path
) -> bool:
    """Write looked_at.png into `place`, of the weights in the folder of results.

    Of the first six classes a test picture each, the first by content. False where there is
    nothing to draw: the experiment asks for none, or weights are not there.
    """
    chosen = {task.row: task for task in tasks if is_looked_at(experiment, task)}
    networks = {
        row: folder / MODELS / f"{chosen[row].key}.safetensors"
        for row in experiment.looked_at
        if row in chosen
    }
    part = tasks[0].part
    if not networks or part.root is None or not all(path.exists() for path in networks.values()):
        return False
    pictures = _pictures(part)
    by_network = {row: _answers(row, path, pictures) for row, path in networks.items()}
    sheet = [answers[number] for number in range(len(pictures)) for answers in by_network.values()]
    title = f"{', '.join(networks)}: from left to right"
    draw_predictions(sheet, place / NAME, columns=len(networks), title=title)
    return True


def _pictures(part: Part) -> Mapping[Path, str]:
    """Picture -> class."""
    assert part.root is not None
    found: dict[str, Path] = {}
    with part.data.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["part"] == "test":
                found.setdefault(row["label"], part.root / row["path"])
    return {path: label for label, path in list(found.items())[:PICTURES]}


def _answers(name: str, path: Path, pictures: Mapping[Path, str]) -> list[Shown]:
    """What a network says of each picture, with what speaks for it."""
    network, model = torch_network(path, torch.device("cpu")), checkpoint.load_model(path)[0]
    preprocess = network.preprocess
    assert isinstance(preprocess, Preprocess)
    seen = [preprocess.crop(preprocess.resize(image_of(picture))) for picture in pictures]
    batch = np.stack([preprocess.normalise(pixels) for pixels in seen])
    probabilities = softmax(network.logits(batch))
    answers = probabilities.argmax(axis=1)
    maps = class_activation(model, torch.from_numpy(batch), torch.from_numpy(answers))
    return [
        Shown(
            pixels=pixels,
            truth=truth,
            predicted=network.classes[answer],
            probability=float(of_classes[answer]),
            name=name,
            evidence=evidence,
        )
        for pixels, truth, answer, of_classes, evidence in zip(
            seen, pictures.values(), answers, probabilities, maps.numpy(), strict=True
        )
    ]
