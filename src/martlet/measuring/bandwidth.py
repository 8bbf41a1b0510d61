"""Bytes a second that one core reads and writes, by how much memory it goes through.

A copy from one array to another is what is timed, by NumPy and so by the system's own memcpy. What
fits in a cache is copied faster; the largest arrays come from memory. Of arrays of a few kilobytes,
for a first level's cache, the call itself would be what is timed.
"""

import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
KIB, MIB = 2**10, 2**20
SIZES = {"cache": 128 * KIB, "memory": 128 * MIB}  # of each array; the first is a second level's
LEAST_BYTES = 64 * MIB  # copied in a turn, so that the clock's own time does not count
TURNS = 7


def bandwidth(sizes: Mapping[str, int] = SIZES, turns: int = TURNS) -> dict[str, float]:
    """GB/s, read and written together, of the best of several turns, for each named size in bytes.

    The best, since whatever else runs only ever slows a copy down.
    """
    found = {}
    for name, size in sizes.items():
        source, target = np.ones(size, np.uint8), np.zeros(size, np.uint8)
        repeats = max(1, LEAST_BYTES // size)
        best = min(_seconds(source, target, repeats) for _ in range(turns))
        found[name] = 2e-9 * size * repeats / best
    return found


def _seconds(source: Bytes, target: Bytes, repeats: int) -> float:
    begun = time.perf_counter()
    for _ in range(repeats):
        np.copyto(target, source)
    return time.perf_counter() - begun
