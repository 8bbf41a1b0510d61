"""Running a network over a part of the data."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from martlet.data.batches import ScoredBatches
from martlet.data.kind import ToInput
from martlet.models.class_activation import class_activation
from martlet.models.classifier import Classifier
from martlet.training.ranks import ONE_PROCESS, Ranks


@torch.inference_mode()
def predict_logits(
    model: nn.Module, batches: ScoredBatches, to_input: ToInput, ranks: Ranks = ONE_PROCESS
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Outputs (samples, ...) and targets (samples, ...) of all batches; the mode is put back.

    Of several processes each takes every so many-th batch, and all get what one would have got.
    """
    training = model.training
    model.eval()
    answered = []
    with ranks.agreed():
        for number in range(ranks.rank, len(batches), ranks.count):
            samples, truth = batches[number]
            outputs = model(to_input(samples)).float().cpu().numpy()
            answered.append((number, outputs, truth.numpy()))
    model.train(training)
    answered = sorted(chain(*ranks.gather(answered)), key=lambda batch: batch[0])
    _, outputs, targets = zip(*answered, strict=True)
    return np.concatenate(outputs), np.concatenate(targets)


def evidence_maps(
    model: Classifier, batches: Iterable[tuple[Any, Tensor]], to_input: ToInput
) -> NDArray[np.float32]:
    """What each place says for the class that stands in the place of a sample's target.

    (samples, rows, columns) of pictures, (samples, time) of recordings: `class_activation`.
    """
    maps = [class_activation(model, to_input(samples), classes) for samples, classes in batches]
    return np.concatenate([one.float().cpu().numpy() for one in maps])
