"""What HybridSN's two kinds of convolutions do: the network without one of them, trained alike."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from martlet.data.batches import INIT, EvalBatches, seed_torch
from martlet.data.scenes.samples import SceneSamples
from martlet.data.split import Split
from martlet.models.hybridsn import CHANNELS, HIDDEN, LAST, MAPS, glorot
from martlet.training.checkpoint import Header, Network
from martlet.training.evaluate import predict_logits
from martlet.training.loop import fit
from martlet.training.ranks import ONE_PROCESS
from martlet.training.state import State
from martlet.workflows.train.job import make_job
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.teacher import Taught


class Form(nn.Module):
    """Convolutions that take so many rows and columns, and HybridSN's three linear layers."""

    def __init__(self, convolutions: nn.Sequential, maps: int, side: int, classes: int) -> None:
        super().__init__()
        self.convolutions = convolutions
        self.fc1, self.fc2 = nn.Linear(maps * side * side, HIDDEN), nn.Linear(HIDDEN, LAST)
        self.dropout1, self.dropout2 = nn.Dropout(0.4), nn.Dropout(0.4)
        self.classifier = nn.Linear(LAST, classes)
        for layer in self.modules():
            glorot(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Cubes (batch, 1, bands, window, window) to logits."""
        hidden = self.dropout1(F.relu(self.fc1(self.convolutions(x).flatten(1))))
        return self.classifier(self.dropout2(F.relu(self.fc2(hidden))))


def spatial(bands: int, window: int, classes: int) -> Form:
    """2-D only: the 3-D convolutions become 2-D ones that put out as many maps."""
    counts = (bands, *(c * (bands - t) for c, t in zip(CHANNELS, (6, 10, 12), strict=True)), MAPS)
    layers: list[nn.Module] = [nn.Flatten(1, 2)]
    for before, after in pairwise(counts):
        layers += [nn.Conv2d(before, after, 3), nn.ReLU()]
    return Form(nn.Sequential(*layers), MAPS, window - 8, classes)


def spectral(bands: int, window: int, classes: int) -> Form:
    """3-D only: the 2-D convolution is left out."""
    layers: list[nn.Module] = []
    for before, after, depth in zip((1, *CHANNELS), CHANNELS, (7, 5, 3), strict=False):
        layers += [nn.Conv3d(before, after, (depth, 3, 3)), nn.ReLU()]
    return Form(nn.Sequential(*layers), CHANNELS[-1] * (bands - 12), window - 6, classes)


FORMS: dict[str, Callable[[int, int, int], Form]] = {"2-D only": spatial, "3-D only": spectral}


def train_form(
    form: str, options: TrainOptions, samples: SceneSamples, split: Split, folder: Path
) -> tuple[NDArray[Any], float]:
    """Logits of the test pixels after training as `martlet.train` does, and its seconds."""
    preprocess, cpu = samples.preprocess, torch.device("cpu")
    assert preprocess is not None
    network = Network(options.model, len(samples.classes), preprocess.components, False)
    recipe = options.filled(0.4, len(split.train))
    header = Header(network, samples.classes, preprocess, recipe)
    seed_torch(recipe.seed, INIT)
    model = FORMS[form](preprocess.components, preprocess.window, len(samples.classes))
    job = make_job(folder, header, samples, split, cpu, 0, model, None, Taught(), ONE_PROCESS)
    state = State(model, recipe)
    for _ in fit(job, state):
        pass
    labels = np.asarray(samples.labels)
    batches = EvalBatches(samples, labels, split.test, preprocess=preprocess, batch_size=64)
    return predict_logits(model, batches, job.to_input)[0], state.seconds
