"""Graph to program: which layer does each node, and where its channels lie."""

import numpy as np

from swiftlet.compiler.across_rules import ACROSS
from swiftlet.compiler.graph import Graph
from swiftlet.compiler.lowering import Lowering
from swiftlet.compiler.naming import RENAMING
from swiftlet.compiler.plain_rules import PLAIN
from swiftlet.compiler.program import Program
from swiftlet.compiler.rules import RULES

# Operators that are compiled; Dropout goes, since it does nothing but in training.
CLAIMED = frozenset((*RULES, *ACROSS, *PLAIN, *RENAMING, "Dropout")) - {"ScaleShift"}


def lower(graph: Graph, lanes: int, registers: int) -> Program:
    """The program of a simplified graph for vectors of `lanes` floats."""
    with np.errstate(all="ignore"):  # weights may be infinite, or no numbers
        return Lowering(graph, lanes, registers).run((RULES, ACROSS, PLAIN))
