"""Graph to program: which layer does each node, and where its channels lie."""

from swiftlet.compiler.graph import Graph
from swiftlet.compiler.lowering import Lowering
from swiftlet.compiler.plain_rules import PLAIN
from swiftlet.compiler.program import Program
from swiftlet.compiler.rules import RULES


def lower(graph: Graph, lanes: int, registers: int) -> Program:
    """The program of a simplified graph for vectors of `lanes` floats."""
    return Lowering(graph, lanes, registers).run((RULES, PLAIN))
