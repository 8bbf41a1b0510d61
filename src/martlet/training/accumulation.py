"""Steps of the optimiser that take the gradients of several batches."""

from typing import NamedTuple


class Turn(NamedTuple):
    """A batch's turn within a step of the optimiser, as a pure function of its number in the run.

    step: of the run, from 0; per_epoch: such steps. Rates, warm-up and averages count these.
    batches: that the step takes; of the last step of an epoch those that are left.
    first, last: whether the batch is the step's first, its last.
    """

    step: int
    per_epoch: int
    batches: int
    first: bool
    last: bool


WHOLE_STEP = Turn(0, 1, batches=1, first=True, last=True)


def turn_of(batch: int, batches_per_epoch: int, accumulate: int) -> Turn:
    """Of batch 0, 1, … of a run, when a step takes `accumulate` batches of one epoch."""
    epoch, number = divmod(batch, batches_per_epoch)
    per_epoch = -(-batches_per_epoch // accumulate)
    begin = number - number % accumulate
    batches = min(accumulate, batches_per_epoch - begin)
    return Turn(
        step=epoch * per_epoch + number // accumulate,
        per_epoch=per_epoch,
        batches=batches,
        first=number == begin,
        last=number == begin + batches - 1,
    )
