"""Statistics of batch norm in short runs: measured anew for the weights that are scored."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from martlet.data.batches import Loader
from martlet.data.kind import ToInput
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
            module.momentum = max(module.momentum, min(0.1, 100 / steps))


@torch.no_grad()
def measure_again(
    model: nn.Module, loader: Loader, epoch: int, to_input: ToInput, ranks: Ranks = ONE_PROCESS
) -> None:
    """Replace the running averages by those of the epoch's last batches under the present weights.

    While the rate is high, weights leave the averages behind within a few steps: a network that
    names 16 % of its training pictures right was seen to name 5 % of the others', which is chance.
    Everything but batch norm works as when it answers: no dropout, no mixing. Of several processes
    each measures its share of the batches, and the mean is kept.
    """
    norms = list(_norms(model))
    momenta = [module.momentum for module in norms]
    if not norms:
        return
    model.eval()
    for module in norms:
        module.reset_running_stats()
        module.momentum = None  # the mean of all batches
        module.train()
    for samples, _ in loader.epoch(epoch, first=max(0, len(loader) - BATCHES)):
        model(to_input(samples))
    reduce_statistics(ranks, model)
    for module, momentum in zip(norms, momenta, strict=True):
        module.momentum = momentum


def _norms(model: nn.Module) -> Iterator[_BatchNorm]:
    """The layers of batch norm that keep averages."""
    for module in model.modules():
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            yield module
