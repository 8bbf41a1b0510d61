"""Transposes sink behind what works on each value or axis alone, until they meet their inverse.

Exporters of networks with channels last put one in front of each convolution and one behind it;
what stands between two of them (an activation, a sum, a norm in parts) is done in the order of axes
that the convolutions have, and the transposes cancel.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from martlet.compiler.ir.graph import Graph, Node, Shape
from martlet.compiler.ir.operators import BY_VALUE, SHAPING

Order = tuple[int, ...]


@dataclass(frozen=True)
class Sunk:
    """What becomes of a node that reads transposed tensors: its own attributes and axes.

    order: how each output then is to be transposed.
    """

    attributes: dict[str, object]
    order: Order


def sink_transposes(graph: Graph) -> None:
    """Change the graph in place, where fewer values are transposed then."""
    found = _Sinking(graph)
    nodes = list(found.nodes())
    if _transposed_values(graph, nodes) < _transposed_values(graph, graph.nodes):
        graph.nodes = nodes


def _transposed_values(graph: Graph, nodes: list[Node]) -> int:
    """How many values the transposes move whose outputs are read in the end."""
    used, count = {*graph.outputs}, 0
    for node in reversed(nodes):
        if used.isdisjoint(name for name in node.outputs if name):
            continue
        used.update(node.inputs)
        count += prod(graph.shapes[node.outputs[0]]) if node.op == "Transpose" else 0
    return count


class _Sinking:
    """One walk through the graph; `moved` says of what a tensor is the transpose, and in what order
    it has the other's axes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.moved: dict[str, tuple[str, Order]] = {}

    def nodes(self) -> Iterator[Node]:
        """The nodes of the new graph."""
        for node in self.graph.nodes:
            if node.op == "Transpose" and node.inputs[0] not in self.graph.constants:
                rank = len(self.graph.shapes[node.inputs[0]])
                order = tuple(int(a) for a in node.attributes.get("perm", range(rank)[::-1]))
                yield self._transpose(node.name, node.inputs[0], order, node.outputs[0])
            elif node.op in SHAPING and (source := self._source(node)) is not None:
                yield Node(node.op, node.name, [source], node.outputs, node.attributes)
            else:
                yield from self._sunk(node)

    def _source(self, node: Node) -> str | None:
        """Of what a reshaped tensor is the transpose, when no value of it has changed its place."""
        source, order = self.moved.get(node.inputs[0], ("", ()))
        return source if source and _keeps_places(self.graph.shapes[source], order) else None

    def _transpose(self, name: str, source: str, order: Order, output: str) -> Node:
        """The node that makes a transpose, of what `source` is a transpose of."""
        joined = source in self.moved
        if joined:
            source, first = self.moved[source]
            order = tuple(first[axis] for axis in order)
        if order == tuple(range(len(order))):
            return Node("Identity", name, [source], [output])
        self.moved[output] = source, order
        if joined and _keeps_places(self.graph.shapes[source], order):
            return Node("Reshape", name, [source], [output])
        return Node("Transpose", name, [source], [output], {"perm": list(order)})

    def _sunk(self, node: Node) -> Iterator[Node]:
        """A node on what its inputs are the transposes of, and its outputs' transposes; or as it
        was."""
        orders = [self.moved[name][1] for name in node.inputs if name in self.moved]
        rank = len(self.graph.shapes[node.outputs[0]]) if node.outputs[0] else 0
        rule = _rule(node)
        ways = dict.fromkeys(order for order in orders if len(order) == rank)
        if rule is None or not all(node.outputs) or not orders:
            yield node
            return
        order = next(iter(ways), orders[0])
        sunk = rule(node, order)
        given = None if sunk is None else self._inputs(node, order)
        if sunk is None or given is None:
            yield node
            return
        inputs, more = given
        yield from more
        outputs = [f"{name} before its transpose" for name in node.outputs]
        for name, before in zip(node.outputs, outputs, strict=True):
            shape = self.graph.shapes[name]
            self._note(before, tuple(shape[axis] for axis in np.argsort(sunk.order)), name)
        yield Node(node.op, node.name, inputs, outputs, {**node.attributes, **sunk.attributes})
        for name, before in zip(node.outputs, outputs, strict=True):
            yield self._transpose(f"{node.name} {name} transposed", before, sunk.order, name)

    def _inputs(self, node: Node, order: Order) -> tuple[list[str], list[Node]] | None:
        """What the inputs are the transposes of, in this order; constants are transposed back.

        So are tensors of one axis beside it. None where there is another one.
        """
        names, more = list[str](), list[Node]()
        for name in node.inputs:
            shape = self.graph.shapes.get(name, ())
            source, own = self.moved.get(name, ("", ()))
            if not name or (prod(shape) == 1 and len(shape) == 0):
                names.append(name)
            elif own == order:
                names.append(source)
            elif name in self.graph.constants:
                names.append(self._constant(name, order))
            elif len(shape) == len(order) and sum(side > 1 for side in shape) <= 1:
                back = f"{name} for {node.name}"
                inverse = tuple(int(axis) for axis in np.argsort(order))
                self._note(back, tuple(shape[axis] for axis in inverse), name)
                more.append(self._transpose(back, name, inverse, back))
                names.append(back)
            else:
                return None
        return names, more

    def _constant(self, name: str, order: Order) -> str:
        """A constant as it is broadcast, with its axes as before the transpose."""
        value = self.graph.constants[name]
        wide = value.reshape(*[1] * (len(order) - value.ndim), *value.shape)
        made = f"{name} in order {' '.join(map(str, order))}"
        self.graph.constants[made] = wide.transpose(np.argsort(order))
        self._note(made, self.graph.constants[made].shape, name)
        return made

    def _note(self, name: str, shape: Shape, like: str) -> None:
        self.graph.shapes[name], self.graph.types[name] = shape, self.graph.types[like]


def _keeps_places(shape: Shape, order: Order) -> bool:
    """Whether only axes of one value have moved."""
    long = [axis for axis in order if shape[axis] > 1]
    return long == sorted(long)


Rule = Callable[[Node, Order], Sunk | None]


def _rule(node: Node) -> Rule | None:
    if node.op in BY_VALUE:
        return _by_value
    if node.op.startswith("Reduce") or node.op in ("ArgMax", "ArgMin"):
        return _reduced
    return RULES.get(node.op)


def _by_value(node: Node, order: Order) -> Sunk:
    return Sunk({}, order)


def _one_axis(node: Node, order: Order) -> Sunk | None:
    if node.attributes.get("flattened", 0):
        return None
    return Sunk({"axis": order[node.attributes["axis"]]}, order)


def _reduced(node: Node, order: Order) -> Sunk:
    """The axes that are left keep their order among each other."""
    alone = "axis" in node.attributes
    axes = [node.attributes["axis"]] if alone else node.attributes["axes"]
    before = sorted(order[axis] for axis in axes)
    changed: dict[str, object] = {"axis": before[0]} if alone else {"axes": before}
    if node.attributes.get("keepdims", 1):
        return Sunk(changed, order)
    left = [order[axis] for axis in range(len(order)) if axis not in axes]
    return Sunk(changed, tuple(sorted(left).index(axis) for axis in left))


def _by_axis(*keys: str) -> Rule:
    """Lists with an item for each axis."""

    def rule(node: Node, order: Order) -> Sunk:
        places = np.argsort(order).tolist()
        lists = {key: node.attributes[key] for key in keys if key in node.attributes}
        return Sunk({key: [of[place] for place in places] for key, of in lists.items()}, order)

    return rule


def _pad(node: Node, order: Order) -> Sunk:
    pads, rank, places = node.attributes["pads"], len(order), np.argsort(order).tolist()
    both = [pads[place] for place in places] + [pads[rank + place] for place in places]
    return Sunk({"pads": both}, order)


RULES: dict[str, Rule] = {
    **dict.fromkeys(("Concat", "LogSoftmax", "Softmax", "Split"), _one_axis),
    "Pad": _pad,
    "Resize": _by_axis("places", "taps"),
    "Slice": _by_axis("starts", "steps"),
    "Upsample": _by_axis("places", "taps"),
}
