"""Where every buffer lies in the workspace."""

from swiftlet.compiler.program import Program


def plan(program: Program) -> int:
    """Give every buffer its offset; returns the size of the workspace in floats.

    The largest first, each at the lowest place that is free while it lives.
    """
    for number, step in enumerate(program.steps):
        for buffer in step.writes:
            buffer.first = number if buffer.first < 0 else buffer.first
            buffer.last = max(buffer.last, number)
        for buffer in step.reads:
            buffer.last = number
    inside = [b for b in program.buffers if not b.outside and b.first >= 0]
    placed: list = []
    for buffer in sorted(inside, key=lambda b: (-b.floats, b.first)):
        at = 0
        living = [o for o in placed if o.first <= buffer.last and buffer.first <= o.last]
        for other in sorted(living, key=lambda o: o.at):
            if at + buffer.floats <= other.at:
                break
            at = max(at, -(-(other.at + other.floats) // 16) * 16)
        buffer.at = at
        placed.append(buffer)
    return max((b.at + b.floats for b in inside), default=0)
