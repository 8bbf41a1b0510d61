"""Progressive resizing: small inputs first, which take less time, and the full size at the end."""

import torch.nn.functional as F
from torch import Tensor

FULL_FROM = 0.7  # of a run; what is learnt there is learnt at the size that the network is used at
SMALL, SMALL_STEP, STEP = 64, 4, 8  # pixels: full sides up to SMALL grow by SMALL_STEP


def side_at(side: int, done: float, start: float) -> int:
    """Side of the inputs, in pixels, when a share `done` of the run's steps lies behind.

    It grows linearly from `start` times the full `side`; in steps, so that shapes change rarely.
    """
    grown = done / FULL_FROM
    if grown >= 1:
        return side
    step = SMALL_STEP if side <= SMALL else STEP
    wanted = side * (start + (1 - start) * grown)
    return min(side, max(step, step * round(wanted / step)))


def shrunk(inputs: Tensor, done: float, start: float) -> Tensor:
    """Square pictures (N, C, side, side) at the side that is their turn; channels-last stays."""
    side = side_at(inputs.shape[-1], done, start)
    if side == inputs.shape[-1]:
        return inputs
    return F.interpolate(inputs, size=(side, side), mode="bilinear", antialias=True)
