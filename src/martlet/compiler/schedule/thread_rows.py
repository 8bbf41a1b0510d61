"""Each thread keeps its own rows of the maps in memory of its own.

Where the rows of two threads are neighbours in memory, a core that reads its own ones fetches the
next lines on its own account, although the other core is about to write them: small maps then cost
a third more. So rows of different threads lie far from each other, and a layer that looks at the
rows of another thread finds them by a table.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.ir.schedule import Schedule, Storage
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.kernels.channelwise import Activate, Join, Mean, Pairing
from martlet.compiler.kernels.classifier_head import Head
from martlet.compiler.kernels.depthwise_pool import Windowed
from martlet.compiler.kernels.gemm import Product


def separate_thread_rows(program: Program, schedule: Schedule) -> Schedule:
    """With the buffers that hold each thread's rows apart."""
    chosen = {id(b) for b in program.buffers if _can(b, program, schedule)}
    chosen -= {id(b) for layer in program.layers for b in _whole(layer)}
    together = [m.buffers for layer in program.layers for m in _tensors(layer)]
    while any(_some_but_not_all(group, chosen) for group in together):
        for group in together:
            if _some_but_not_all(group, chosen):
                chosen -= {id(buffer) for buffer in group}
    apart = [buffer for buffer in program.buffers if id(buffer) in chosen]
    parts = {buffer: Storage(buffer, parts=schedule.threads) for buffer in apart}
    return replace(schedule, storage={**schedule.storage, **parts})


def _can(buffer: Buffer, program: Program, schedule: Schedule) -> bool:
    """Whether it is a map in blocks of the workspace that has rows for every thread."""
    plain = not buffer.outside and not schedule[buffer].ring
    in_blocks = plain and buffer.lanes == program.lanes > 1
    return in_blocks and len(buffer.spatial) == 2 and buffer.spatial[0] >= schedule.threads


def _whole(layer: Layer) -> Iterable[Buffer]:
    """Buffers in which the layer must find all rows side by side."""
    maps = _tensors(layer)
    if isinstance(layer, Head):
        yield from layer.writes
        layer = layer.product
    flat = not isinstance(layer, (Product, Windowed)) or layer.window.is_flat
    if isinstance(layer, (Product, Windowed, Mean, Activate, Pairing)) and flat:
        odd = [m for m in maps if m.where[..., 2].any()]
        odd += [m for m in maps if any(b.spatial != m.spatial for b in m.buffers)]
        yield from (buffer for m in odd for buffer in m.buffers)
    else:
        yield from (*layer.reads, *layer.writes)
    gate = getattr(layer, "gate", None)
    if gate is not None:
        yield from gate.buffers
    if isinstance(layer, Pairing) and not isinstance(layer, Join):
        yield from layer.other.buffers


def _tensors(layer: Layer) -> list[Maps]:
    """What a layer reads row by row; one pointer and one step reach all buffers of each."""
    return layer.tensors(("x", "add", "other") if isinstance(layer, Join) else ("x", "add"))


def _some_but_not_all(group: Sequence[Buffer], chosen: set[int]) -> bool:
    return len({id(buffer) in chosen for buffer in group}) > 1
