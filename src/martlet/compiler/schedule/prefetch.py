"""Weights come from slow memory while earlier weights are at work.

At batch 1 most weights are read once in a run, and all of them together are larger than a core's
cache: the multipliers would wait for each group of them. So every product fetches, spread evenly
over its work, some of the weights behind its own into the cache. What the small layers at the end
of a network cannot fetch for themselves, the large ones before them fetch.
"""

from collections.abc import Sequence

from martlet.compiler.ir.program import Layer, Program

SHARE = 4  # at most one such part of the cache holds weights that wait


def plan_fetches(program: Program, cache: int) -> None:
    """Say for every layer which bytes of the weights it fetches: `layer.fetch`, from and to.

    `cache` is the size of a core's cache in bytes.
    """
    at = end = 0
    sizes = [program.weights.layers[layer].size for layer in program.layers]
    goals = _goals(program, cache, sizes)
    for layer, size, goal in zip(program.layers, sizes, goals, strict=True):
        at = max(at, end + _first(layer, size))
        can = size if layer.streams else layer.can_fetch
        layer.fetch = (at, max(at, min(goal, at + can)))
        at, end = layer.fetch[1], end + size


def _goals(program: Program, cache: int, sizes: Sequence[int]) -> list[int]:
    """Up to which byte the weights should be there when each layer is done.

    Backwards from the last one: before a layer begins, its first weights are there, and so much
    more as later layers need but cannot fetch, as far as it fits.
    """
    goal = begin = sum(sizes)
    goals = []
    for layer, size in zip(reversed(program.layers), reversed(sizes), strict=True):
        goals.append(goal)
        begin -= size
        needed = max(begin + _first(layer, size), goal - layer.can_fetch)
        goal = min(goal, begin + cache // SHARE, needed)
    return goals[::-1]


def _first(layer: Layer, size: int) -> int:
    return min(size, layer.first_weights or size)
