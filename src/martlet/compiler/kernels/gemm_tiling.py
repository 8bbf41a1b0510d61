"""Which tiles of a product keep the multipliers busy."""

from functools import cache

Runs = tuple[tuple[int, int], ...]  # (places of a tile, how many of them), in order


@cache
def split(places: int, blocks: int, registers: int) -> tuple[int, ...]:
    """Sizes of the groups of output blocks that share a tile: the cheapest, by `cost`."""
    best: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for so_far in range(1, blocks + 1):
        options = []
        for size in range(1, min(4, so_far) + 1):
            before, groups = best[so_far - size]
            options.append((before + runs(places, size, registers)[0], (*groups, size)))
        best.append(min(options))
    return tuple(sorted(best[blocks][1], reverse=True))


@cache
def runs(places: int, blocks: int, registers: int) -> tuple[float, Runs]:
    """Cost and tiles of one group of blocks: one width, and what is left."""
    widest = max(1, (registers - blocks - 1) // blocks)
    answers = []
    for wide in range(1, min(widest, places) + 1):
        times, rest = divmod(places, wide)
        pieces = [(wide, times), *([(rest, 1)] if rest else [])]
        answers.append((sum(n * cost(blocks, w) for w, n in pieces), len(pieces), tuple(pieces)))
    best = min(answers)
    return best[0], best[2]


def cost(blocks: int, places: int) -> float:
    """Cycles per input channel of a tile, with its share of the work around the products.

    A tile of b blocks and p places does b·p products, two in a cycle, and loads b + p values, two
    in a cycle; between two products into the same accumulator at least four cycles pass.
    """
    products, loads = blocks * places / 2, (blocks + places) / 2
    return max(products, loads, 4.0) + 0.15 + 0.02 * blocks * places
