"""Graph to program: which layer does each node, and where its channels lie."""

from collections.abc import Sequence

import numpy as np

from martlet.compiler.ir.graph import Graph
from martlet.compiler.ir.program import Program
from martlet.compiler.lowering.channel_order import Slots, by_readers
from martlet.compiler.lowering.context import Kernels, Lowering
from martlet.compiler.lowering.ends import give_outputs, take_inputs
from martlet.compiler.lowering.kernel_table import KERNELS
from martlet.compiler.targets import Target

ROUNDS = 4  # a product that moves for one sum may have to move for the next one, too


def lower(graph: Graph, target: Target, table: Sequence[Kernels] = KERNELS) -> Program:
    """The program of a simplified graph for a target, of the kernels in `table`.

    Where channels should lie is known when it is known who reads them: so it is made again.
    """
    with np.errstate(all="ignore"):  # weights may be infinite, or no numbers
        slots = Slots()
        best = _lowered(Lowering(graph, target, slots, table))
        orders = by_readers(best, slots.products) if target.lanes > 1 else {}
        better = bool(orders) or bool(slots.wishes)
        for _ in range(ROUNDS):
            if not better:
                break
            orders |= slots.wishes
            slots = Slots(orders)
            program = _lowered(Lowering(graph, target, slots, table))
            best, better = min(best, program, key=_cost), bool(slots.wishes)
    return best


def _lowered(low: Lowering) -> Program:
    """All layers, between the caller's arrays."""
    take_inputs(low)
    low.walk()
    give_outputs(low)
    return low.program


def _cost(program: Program) -> tuple[int, int]:
    """Bytes that only change places, and the size of all that is made."""
    moved = sum(layer.moved for layer in program.layers)
    return moved, sum(buffer.bytes for buffer in program.buffers)
