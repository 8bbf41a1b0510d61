"""Statistics of batch norm in short runs: measured anew for the weights that are scored."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from martlet.data.kind import ToInput
from martlet.data.loader import Loader
from martlet.training.freezing import is_frozen
from martlet.training.ranks import ONE_PROCESS, Ranks
from martlet.training.reducer import reduce_statistics

SHORT = 1000  # steps; a run of more has averages that reach back over a small part of it
BATCHES = 8  # of the training part, augmented as in training: 3 % of an epoch of 100 steps


def set_momentum(model: nn.Module, steps: int) -> None:
    """Let the running averages reach back over at most a hundredth of a run of `steps`.

    The momentum of 0.01 that some papers took for a million steps leaves shorter runs with
    statistics of weights that they no longer have. PyTorch's own 0.1 is the most.
    """
    for module in _norms(model):
        if module.momentum is not None:
            module.momentum = max(module.momentum, min(0.1, 100 / max(steps, 1)))


def measure_again(
    model: nn.Module, loader: Loader, epoch: int, to_input: ToInput, ranks: Ranks = ONE_PROCESS
) -> None:
    """Replace the running averages by those of the epoch's last batches under the present weights.

    While the rate is high, weights leave the averages behind within a few steps: a network that
    names 16 % of its training pictures right was seen to name 5 % of the others', which is chance.
    Everything but batch norm works as when it answers: no dropout, no mixing. Of several processes
    each measures its share of the batches, and the mean is kept.
    """
    if any(True for _ in _norms(model)):
        first = max(0, len(loader) - BATCHES)
        measure_over(model, loader.epoch(epoch, first=first), to_input)
        reduce_statistics(ranks, model)


@torch.no_grad()
def measure_over(
    model: nn.Module, batches: Iterable[tuple[Any, Tensor]], to_input: ToInput
) -> None:
    """Replace the running averages by the means over the batches; frozen layers keep theirs.

    The network is left as it works when it answers. A batch of one sample is left out, where maps
    of one place would have no deviation.
    """
    found = list(_norms(model))
    momenta = [module.momentum for module in found]
    if not found:
        return
    model.eval()
    for module in found:
        module.reset_running_stats()
        module.momentum = None  # the mean of all batches
        module.train()
    for samples, targets in batches:
        if len(targets) > 1:
            model(to_input(samples))
    for module, momentum in zip(found, momenta, strict=True):
        module.momentum = momentum


def _norms(model: nn.Module) -> Iterator[_BatchNorm]:
    """The layers of batch norm whose averages follow the data."""
    for module in model.modules():
        if isinstance(module, _BatchNorm) and module.track_running_stats and not is_frozen(module):
            yield module
