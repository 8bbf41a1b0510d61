"""Squares of V places and V channels turned in registers: between blocks of channels and maps.

One number after the other would go through a whole line of memory for each of a block's channels.
"""

from collections.abc import Iterable
from itertools import pairwise

from martlet.compiler.codegen.c_text import function
from martlet.compiler.codegen.writer import Writer

OF_BLOCKS, TO_BLOCKS = "out_of_blocks", "into_blocks"


def turn(writer: Writer, lanes: int, rows: int, way: str) -> str:
    """The C function of one square; returns its name.

    `OF_BLOCKS`: V places of a block, x, to the first `rows` of its channels, y, each `step` floats
    behind the one before. `TO_BLOCKS`: V places of V channels to a block; `rows` is V.
    """
    name = f"{way}_{rows}"
    here, there = ("{} * V", "{} * step")[:: 1 if way == OF_BLOCKS else -1]
    letters, wanted, lines = "abcdefgh"[: lanes.bit_length()], [*range(rows)], list[str]()
    for old, new in reversed(list(pairwise(letters))):
        lines.insert(0, f"const v {', '.join(_interleaved(lanes, old, new, wanted))};")
        halves = {n // 2 for n in wanted}
        wanted = sorted(halves | {n + lanes // 2 for n in halves})
    loads = (f"{letters[0]}{n} = load(x + {here.format(n)})" for n in wanted)
    lines.insert(0, f"const v {', '.join(loads)};")
    lines += [f"store(y + {there.format(n)}, {letters[-1]}{n});" for n in range(rows)]
    head = f"static void {name}(const float *x, float *y, long step)"
    return writer.kernel(name, function(head, lines))


def _interleaved(lanes: int, old: str, new: str, wanted: Iterable[int]) -> list[str]:
    """The first half of the vectors laid between the second; log2 V times, and all are turned."""
    return [
        f"{new}{n} = {'HIGH' if n % 2 else 'LOW'}({old}{n // 2}, {old}{n // 2 + lanes // 2})"
        for n in wanted
    ]
