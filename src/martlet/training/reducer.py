"""One step of those of several processes: gradients and statistics become their means."""

import torch
from torch import Tensor, nn

from martlet.training.accumulation import Turn
from martlet.training.freezing import is_frozen
from martlet.training.ranks import Ranks
from martlet.training.state import State


class Reducer:
    """Reduces one network over the processes, once a step; behind it all of them are alike.

    Running statistics of batch norm go with the gradients: each process normalises by its own part
    of the batch, and the mean over the parts is what is kept.
    """

    def __init__(self, ranks: Ranks, state: State) -> None:
        self.ranks, self.state = ranks, state
        self.buffers = [] if ranks.alone else list(state.model.buffers())
        self.before: tuple[list[Tensor], int, int, dict[str, float]] | None = None

    def remember(self, turn: Turn) -> None:
        """Before a step: what its forward passes will overwrite, and what is counted."""
        if turn.first and not self.ranks.alone:
            copies = [buffer.clone() for buffer in self.buffers]
            self.before = copies, self.state.batch, self.state.seen, self.state.sums

    def __call__(self, sums: Tensor, turn: Turn) -> Tensor:
        """Behind a backward pass: totals of `sums`, and with the step's last one the means.

        Raises LostError when a process is gone.
        """
        if self.ranks.alone:
            return sums
        if not turn.last:
            return self.ranks.reduce([], sums)
        weights = self.state.model.parameters()
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        totals = self.ranks.reduce([*gradients, *statistics(self.state.model)], sums)
        self.before = None
        return totals

    @torch.no_grad()
    def undo(self) -> None:
        """Back to the end of the last step, when the present one cannot end."""
        if self.before is not None:
            copies, self.state.batch, self.state.seen, self.state.sums = self.before
            torch._foreach_copy_(self.buffers, copies)
            self.before = None


def statistics(model: nn.Module) -> list[Tensor]:
    """Running means and variances that move, without the counters, which are alike everywhere."""
    moving = (module for module in model.modules() if not is_frozen(module))
    buffers = (buffer for module in moving for buffer in module.buffers(recurse=False))
    return [buffer for buffer in buffers if buffer.is_floating_point()]


def reduce_statistics(ranks: Ranks, model: nn.Module) -> None:
    """The means over the processes of the statistics alone."""
    found = statistics(model)
    ranks.reduce(found, torch.zeros(1, device=found[0].device))
