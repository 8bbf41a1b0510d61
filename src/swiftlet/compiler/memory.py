"""Where every buffer lies in the workspace."""

from swiftlet.compiler.program import Buffer, Program

LINE = 16  # floats of a cache line


def plan(program: Program) -> int:
    """Give every buffer its offset; returns the size of the workspace in floats.

    The largest first, each at the lowest place that is free while it lives. Layers of one band live
    at the same time.
    """
    moments = _moments(program)
    for layer, (begin, end) in zip(program.layers, moments, strict=True):
        for buffer in (*layer.writes, *layer.reads):
            buffer.first = begin if buffer.first < 0 else min(buffer.first, begin)
            buffer.last = max(buffer.last, end)
    inside = [b for b in program.buffers if not b.outside and b.first >= 0]
    placed: list[Buffer] = []
    for buffer in sorted(inside, key=lambda b: (-b.floats, b.first)):
        at = 0
        living = [o for o in placed if o.first <= buffer.last and buffer.first <= o.last]
        for other in sorted(living, key=lambda o: o.at):
            if at + buffer.floats <= other.at:
                break
            at = max(at, -(-(other.at + other.floats) // LINE) * LINE)
        buffer.at = at
        placed.append(buffer)
    return max((b.at + b.floats for b in inside), default=0)


def _moments(program: Program) -> list[tuple[int, int]]:
    """When each layer begins and ends, counted in layers."""
    bands = program.bands or [range(i, i + 1) for i in range(len(program.layers))]
    return [(band[0], band[-1]) for band in bands for _ in band]
