"""Software prefetch of weights: they come from slow memory while earlier ones are at work.

At batch 1 most weights are read once in a run, and all of them together are larger than a core's
cache: the multipliers would wait for each group of them. So every product fetches, spread evenly
over its work, some of the weights behind its own into the cache. What the small layers at the end
of a network cannot fetch for themselves, the large ones before them fetch.
"""

from collections.abc import Sequence
from dataclasses import replace

from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.ir.schedule import Schedule

CACHE_PARTS = 4  # at most one such part of the cache holds weights that wait


def plan_prefetch(program: Program, schedule: Schedule, cache: int) -> Schedule:
    """With the bytes of the weights that every layer fetches, from and to.

    `cache` is the size of a core's cache in bytes.
    """
    at = end = 0
    fetched = dict[str, tuple[int, int]]()
    sizes = [schedule.packed[layer.name].size for layer in program.layers]
    goals = _goals(program, schedule, cache, sizes)
    for layer, size, goal in zip(program.layers, sizes, goals, strict=True):
        at = max(at, end + _first(layer, schedule, size))
        can = size if layer.streams(schedule) else layer.can_fetch(schedule)
        fetched[layer.name] = (at, max(at, min(goal, at + can)))
        at, end = fetched[layer.name][1], end + size
    return replace(schedule, prefetch=fetched)


def _goals(program: Program, schedule: Schedule, cache: int, sizes: Sequence[int]) -> list[int]:
    """Up to which byte the weights should be there when each layer is done.

    Backwards from the last one: before a layer begins, its first weights are there, and so much
    more as later layers need but cannot fetch, as far as it fits.
    """
    goal = begin = sum(sizes)
    goals = []
    for layer, size in zip(reversed(program.layers), reversed(sizes), strict=True):
        goals.append(goal)
        begin -= size
        first = begin + _first(layer, schedule, size)
        goal = min(goal, begin + cache // CACHE_PARTS, max(first, goal - layer.can_fetch(schedule)))
    return goals[::-1]


def _first(layer: Layer, schedule: Schedule, size: int) -> int:
    return min(size, layer.first_weights(schedule) or size)
