"""Places of an axis that are made of several of another one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Taps(NamedTuple):
    """Of each place of the output: the places that it reads, and what they are multiplied with.

    outside: places that take a value of their own instead; their weights are 0.
    """

    places: NDArray[np.int64]  # (places of the output, taps)
    weights: NDArray[np.float32]  # the same
    outside: NDArray[np.bool_]
