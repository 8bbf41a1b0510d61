"""Running a network over a part of the data."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from martlet.data.kind import ToInput
from martlet.models.class_activation import class_activation
from martlet.models.classifier import Classifier


@torch.inference_mode()
def predict_logits(
    model: nn.Module, batches: Iterable[tuple[Any, Tensor]], to_input: ToInput
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Outputs (samples, ...) and targets (samples, ...) of all batches; the mode is put back."""
    training = model.training
    model.eval()
    outputs, targets = [], []
    for samples, truth in batches:
        outputs.append(model(to_input(samples)).float().cpu().numpy())
        targets.append(truth.numpy())
    model.train(training)
    return np.concatenate(outputs), np.concatenate(targets)


def evidence_maps(
    model: Classifier, batches: Iterable[tuple[Any, Tensor]], to_input: ToInput
) -> NDArray[np.float32]:
    """What each place says for the class that stands in the place of a sample's target.

    (samples, rows, columns) of pictures, (samples, time) of recordings: `class_activation`.
    """
    maps = [class_activation(model, to_input(samples), classes) for samples, classes in batches]
    return np.concatenate([one.float().cpu().numpy() for one in maps])
