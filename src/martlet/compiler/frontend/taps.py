"""The places around a point, and how much each of them counts: linear and cubic interpolation."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.taps import Taps

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Kernel:
    """How much a place counts by its distance: nothing from `reach` on."""

    reach: int
    value: Callable[[Values, float], Values]  # of distances, and the steepness of a cubic one


def _linear(distance: Values, steepness: float) -> Values:
    return np.clip(1 - distance, 0, 1)


def _cubic(distance: Values, steepness: float) -> Values:
    """Keys' cubic convolution (1981)."""
    a, x = steepness, distance
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


KERNELS = {
    **dict.fromkeys(("linear", "bilinear"), Kernel(1, _linear)),
    "cubic": Kernel(2, _cubic),
}


def taps_of(
    at: Values,
    side: int,
    kernel: Kernel,
    outside: NDArray[np.bool_],
    *,
    steepness: float,
    scale: float,
    inside_alone: bool,
) -> Taps:
    """What each point of `at` is made of, of `side` places; those beyond the ends repeat these.

    scale: below 1 the kernel is as many times wider, so that no place is passed over (antialias).
    inside_alone: places beyond the ends do not count, and the others as much more.
    """
    first = int(np.floor(-kernel.reach / scale)) + 1
    places = np.floor(at)[:, None] + np.arange(first, 2 - first)
    weights = kernel.value(np.abs(places - at[:, None]) * scale, steepness)
    if inside_alone:
        weights = np.where((places < 0) | (places >= side), 0.0, weights)
    if inside_alone or scale < 1:
        weights = weights / weights.sum(axis=1, keepdims=True)
    weights[outside] = 0
    clipped = np.clip(places, 0, side - 1).astype(np.int64)
    return Taps(clipped, weights.astype(np.float32), outside)
