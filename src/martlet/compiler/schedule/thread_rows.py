"""Per-thread rows, padded against false sharing: each thread keeps its own in memory of its own.

Where the rows of two threads are neighbours in memory, a core that reads its own ones fetches the
next lines on its own account, although the other core is about to write them: small maps then cost
a third more. So rows of different threads lie far from each other, and a layer that looks at the
rows of another thread finds them by a table.
"""

from collections.abc import Iterable
from dataclasses import replace

from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.ir.schedule import Schedule, Storage
from martlet.compiler.ir.tensor_view import Buffer


def separate_thread_rows(program: Program, schedule: Schedule) -> Schedule:
    """With the buffers that hold each thread's rows apart."""
    chosen = {b for b in program.buffers if _can(b, program, schedule)}
    chosen -= {b for layer in program.layers for b in _whole(layer)}
    # One pointer and one step reach all buffers of a tensor: they are apart together or not at all.
    rows = (maps for layer in program.layers for maps in layer.tensors(layer.thread_rows))
    groups = [maps.buffers for maps in rows]
    groups_of: dict[Buffer, list[int]] = {}
    for number, buffers in enumerate(groups):
        for buffer in buffers:
            groups_of.setdefault(buffer, []).append(number)
    left_out = [buffer for buffer in groups_of if buffer not in chosen]
    while left_out:
        for number in groups_of.pop(left_out.pop(), ()):
            others = chosen.intersection(groups[number])
            groups[number] = ()  # each is visited once
            chosen -= others
            left_out += others
    parts = {b: Storage(b, parts=schedule.threads) for b in program.buffers if b in chosen}
    return replace(schedule, storage={**schedule.storage, **parts})


def _can(buffer: Buffer, program: Program, schedule: Schedule) -> bool:
    """Whether it is a map in blocks of the workspace that has rows for every thread.

    A volume is none: windows over depth do not find rows that lie apart.
    """
    plain = not buffer.outside and not schedule[buffer].ring
    in_blocks = plain and buffer.lanes == program.lanes > 1
    return in_blocks and len(buffer.spatial) == 2 and buffer.spatial[0] >= schedule.threads


def _whole(layer: Layer) -> Iterable[Buffer]:
    """Buffers in which the layer must find, or put, all rows side by side."""
    yield from layer.other_buffers(layer.thread_rows)
    if "y" not in layer.thread_rows:
        yield from layer.writes
