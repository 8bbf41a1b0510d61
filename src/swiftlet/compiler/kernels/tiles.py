"""Which tiles of a product keep the multipliers busy."""

from functools import cache


@cache
def split(places: int, blocks: int, registers: int) -> tuple[tuple[int, tuple[tuple[int, int], ...]], ...]:
    """Groups of output blocks, each with its runs of tiles: ((blocks, ((places, how often), …)), …).

    The cheapest by a small model: a tile of b blocks and p places does b·p products a channel, two
    in a cycle, and loads b + p values, two in a cycle; at least four cycles pass between two
    products into the same accumulator.
    """
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for so_far in range(1, blocks + 1):
        options = []
        for b in range(1, min(4, so_far) + 1):
            before, groups = best[so_far - b]
            options.append((before + runs(places, b, registers)[0], (*groups, b)))
        best[so_far] = min(options)
    groups = sorted(best[blocks][1], reverse=True)
    return tuple((b, runs(places, b, registers)[1]) for b in groups)


@cache
def runs(places: int, blocks: int, registers: int) -> tuple[float, tuple[tuple[int, int], ...]]:
    """Cost and (places of a tile, how many) in order, for one group of blocks."""
    most = max(1, (registers - blocks - 1) // blocks)
    answers = []
    for wide in range(1, min(most, places) + 1):
        times, rest = divmod(places, wide)
        cost = times * tile_cost(blocks, wide)
        pieces = [(wide, times)]
        if rest:
            cost += tile_cost(blocks, rest)
            pieces.append((rest, 1))
        answers.append((cost, len(pieces), tuple(pieces)))
    cost, _, pieces = min(answers)
    return cost, pieces


def tile_cost(blocks: int, places: int) -> float:
    """Cycles per input channel, with a share of what each tile costs beside."""
    loads = places + blocks if blocks > 1 else places + 1
    return max(blocks * places / 2, loads / 2, 4.0) + 0.15 + 0.02 * blocks * places
