"""Activations that exporters write as several nodes, as the one operator that they are.

GELU by erf and by tanh, Mish, and softplus with a threshold, in whatever order their factors stand.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from martlet.compiler.ir.graph import Graph, Node

CLOSE = 1e-5  # relative, of the constants: some exporters write few digits
ROOT_HALF, TANH_SCALE, CUBE = 0.5**0.5, (2 / np.pi) ** 0.5, 0.044715


def name_activations(graph: Graph) -> None:
    """Each becomes a node Gelu, Mish or Softplus in place of its last node."""
    found = _Graph(graph, graph.producers(), graph.consumers())
    for node in list(graph.nodes):
        if id(node) not in found.gone:
            found.take(node)
    graph.nodes = [node for node in graph.nodes if id(node) not in found.gone]


def _near(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= CLOSE * abs(wanted)


@dataclass
class _Graph:
    """Who makes and reads what, and the nodes that are gone."""

    graph: Graph
    makers: Mapping[str, Node]
    readers: Mapping[str, list[Node]]
    gone: set[int] = field(default_factory=set)

    def take(self, node: Node) -> None:
        """See whether a pattern has this node in its middle."""
        match node.op:
            case "Erf":
                scaled = self.scaled(node.inputs[0])
                if scaled is not None and _near(scaled[1], ROOT_HALF):
                    self.finish(node, scaled[0], 0.5, "Gelu", plus_one=True)
            case "Tanh":
                maker = self.makers.get(node.inputs[0])
                if maker is not None and maker.op == "Softplus":
                    self.finish(node, maker.inputs[0], 1.0, "Mish", plus_one=False)
                elif x := self.of_gelu_tanh(node.inputs[0]):
                    self.finish(node, x, 0.5, "Gelu", plus_one=True, approximate=b"tanh")
            case "Where":
                self.threshold(node)

    def number(self, name: str) -> float | None:
        """The value of a constant that is one number."""
        value = self.graph.constants.get(name)
        return float(value.reshape(())) if value is not None and value.size == 1 else None

    def factors(self, node: Node | None) -> Iterator[tuple[str, str, float]]:
        """(operator, other input, number) of a node of two inputs, one of them a number."""
        if node is None or len(node.inputs) != 2:
            return
        for name, given in (node.inputs, node.inputs[::-1]):
            value = self.number(given)
            if value is not None and (node.op in ("Add", "Mul") or given == node.inputs[1]):
                yield node.op, name, value

    def scaled(self, name: str) -> tuple[str, float] | None:
        """The tensor that this one is a multiple of, and by what it is multiplied."""
        for op, x, value in self.factors(self.makers.get(name)):
            if op == "Mul":
                return x, value
            if op == "Div" and value:
                return x, 1 / value
        return None

    def sole_reader(self, name: str) -> Node | None:
        """The only node that reads a tensor, which is no output of the network."""
        readers = self.readers.get(name, [])
        alone = len(readers) == 1 and name not in self.graph.outputs
        return readers[0] if alone and readers[0].inputs.count(name) == 1 else None

    def finish(
        self, node: Node, x: str, wanted: float, op: str, *, plus_one: bool, **attributes: bytes
    ) -> None:
        """Follow a node to where it has been multiplied by x and, in all, by a number."""
        path, last = [node], node
        if plus_one:
            follower = self.sole_reader(node.outputs[0])
            added = [v for kind, _, v in self.factors(follower) if kind == "Add"]
            if follower is None or added != [1.0]:
                return
            path.append(follower)
            last = follower
        factor, joined = 1.0, False
        while not (joined and _near(factor, wanted)):
            name = last.outputs[0]
            follower = self.sole_reader(name)
            if follower is None or follower.op not in ("Mul", "Div") or len(follower.inputs) != 2:
                return
            number = self.scaled(follower.outputs[0])
            other = next(given for given in follower.inputs if given != name)
            multiple = (other, 1.0) if other == x else self.scaled(other)
            if number is not None and number[0] == name:
                factor *= number[1]
            elif follower.op == "Mul" and not joined and multiple is not None and multiple[0] == x:
                factor, joined = factor * multiple[1], True
            else:
                return
            path.append(follower)
            last = follower
        self.gone |= {id(one) for one in path[:-1]}
        last.op, last.inputs, last.attributes = op, [x], {**attributes}

    def of_gelu_tanh(self, name: str) -> str:
        """x, where the tensor is √(2/π) · (x + 0.044715 · x³); "" for others."""
        scaled = self.scaled(name)
        total = self.makers.get(scaled[0]) if scaled is not None else None
        if scaled is None or total is None or not _near(scaled[1], TANH_SCALE):
            return ""
        if total.op != "Add" or len(total.inputs) != 2:
            return ""
        for x, other in (total.inputs, total.inputs[::-1]):
            cube = self.scaled(other)
            if cube is not None and _near(cube[1], CUBE) and self.is_cube(cube[0], x):
                return x
        return ""

    def is_cube(self, name: str, x: str) -> bool:
        """Whether a tensor is x · x · x, or x to the power of 3."""
        node = self.makers.get(name)
        if node is not None and node.op == "Pow":
            return node.inputs[0] == x and self.number(node.inputs[1]) == 3
        if node is None or node.op != "Mul" or x not in node.inputs:
            return False
        square = self.makers.get(next((one for one in node.inputs if one != x), ""))
        return square is not None and square.op == "Mul" and square.inputs == [x, x]

    def threshold(self, node: Node) -> None:
        """x where it is above 20 or so, and its softplus elsewhere, which is the same there."""
        asked, x, other = node.inputs
        condition, soft = self.makers.get(asked), self.makers.get(other)
        if condition is None or soft is None or soft.op != "Softplus" or soft.inputs != [x]:
            return
        limit = self.number(condition.inputs[1]) if condition.op == "Greater" else None
        if condition.inputs[0] == x and limit is not None and limit >= 20:
            node.op, node.inputs, node.attributes = "Softplus", [x], {}
