"""Graph to program: which layer does each node, and where its channels lie."""

import numpy as np

from martlet.compiler.ir.graph import Graph
from martlet.compiler.ir.program import Program
from martlet.compiler.lowering.channel_order import Slots, by_readers
from martlet.compiler.lowering.channel_reduction import ACROSS
from martlet.compiler.lowering.context import Lowering
from martlet.compiler.lowering.generic_rules import PLAIN
from martlet.compiler.lowering.vector import RULES
from martlet.compiler.lowering.views import RENAMING

# Operators that are compiled; Dropout goes, since it does nothing but in training.
CLAIMED = frozenset((*RULES, *ACROSS, *PLAIN, *RENAMING, "Dropout")) - {"ScaleShift"}


ROUNDS = 4  # a product that moves for one sum may have to move for the next one, too


def lower(graph: Graph, lanes: int, registers: int) -> Program:
    """The program of a simplified graph for vectors of `lanes` floats.

    Where channels should lie is known when it is known who reads them: so it is made again.
    """
    with np.errstate(all="ignore"):  # weights may be infinite, or no numbers
        best, slots = _lowered(graph, lanes, registers, Slots())
        orders = by_readers(best, slots.products) if lanes > 1 else {}
        better = bool(orders) or bool(slots.wishes)
        for _ in range(ROUNDS):
            if not better:
                break
            orders |= slots.wishes
            program, slots = _lowered(graph, lanes, registers, Slots(orders))
            best, better = min(best, program, key=_cost), bool(slots.wishes)
    return best


def _lowered(graph: Graph, lanes: int, registers: int, slots: Slots) -> tuple[Program, Slots]:
    return Lowering(graph, lanes, registers, slots).run((RULES, ACROSS, PLAIN)), slots


def _cost(program: Program) -> tuple[int, int]:
    """Bytes that only change places, and the size of all that is made."""
    moved = sum(layer.moved for layer in program.layers)
    return moved, sum(buffer.floats for buffer in program.buffers)
