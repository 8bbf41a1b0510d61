"""Graph to program: which layer does each node, and where its channels lie."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swiftlet.compiler.graph import Graph, Node, Shape
from swiftlet.compiler.layers.copying import Copy
from swiftlet.compiler.layers.geometry import Window, pointwise, window_of
from swiftlet.compiler.layers.lanewise import Activate, Join, Mean, Windowed, beside
from swiftlet.compiler.layers.product import Product
from swiftlet.compiler.naming import rename
from swiftlet.compiler.program import Layer, Maps, Program, maps_in
from swiftlet.compiler.simplify import Activation, activation


def lower(graph: Graph, lanes: int, registers: int) -> Program:
    """The program of a simplified graph for vectors of `lanes` floats."""
    return Lowering(graph, lanes, registers).run()


class Lowering:
    """Walks the graph once; `maps` says where every tensor lies."""

    def __init__(self, graph: Graph, lanes: int, registers: int) -> None:
        self.graph = graph
        self.program = Program(graph.name, lanes, registers)
        self.maps: dict[str, Maps] = {}

    def run(self) -> Program:
        """The whole program."""
        for number, name in enumerate(self.graph.inputs):
            self.maps[name] = self.in_rows(self.graph.shapes[name], f"input{number}")
            self.program.inputs.append((name, self.maps[name]))
        for node in self.graph.nodes:
            named = rename(self.graph, node, self.maps)
            if named is not None:
                self.maps.update(named)
                continue
            rule = RULES.get(node.op)
            if rule is None:
                supported = ", ".join(sorted(RULES))
                raise node.fail(f"the operator is not supported; supported are {supported}")
            self.maps[node.outputs[0]] = rule(self, node)
        for number, name in enumerate(self.graph.outputs):
            target = self.in_rows(self.graph.shapes[name], f"output{number}")
            self.program.outputs.append((name, target))
            self.add(Copy(f"{name} to output", self.maps[name], target))
        return self.program

    def add(self, layer: Layer) -> None:
        """Append a layer."""
        self.program.layers.append(layer)

    def in_rows(self, shape: Shape, outside: str = "") -> Maps:
        """A tensor in one piece, row by row, as the caller knows it."""
        axes = min(2, len(shape))
        slots = prod(shape[:axes])
        buffer = self.program.buffer(slots, shape[axes:], 1, outside)
        return maps_in(buffer, range(slots), shape[:axes])

    def reachable(self, node: Node, x: Maps) -> Maps:
        """`x` as it is when one pointer and one step reach all its channels, else a copy."""
        alike = len({(buffer.base, buffer.lanes) for buffer in x.buffers}) == 1
        return x if alike else self.to_blocks(node, x)

    def inside(self, node: Node, x: Maps) -> Maps:
        """`x` as it is when it lies in the workspace, else a copy."""
        return self.to_blocks(node, x) if any(buffer.outside for buffer in x.buffers) else x

    def in_blocks(self, node: Node, x: Maps) -> Maps:
        """`x` as it is when it lies in blocks of vectors, else a copy."""
        return x if x.is_blocked(self.program.lanes) else self.to_blocks(node, x)

    def to_blocks(self, node: Node, x: Maps) -> Maps:
        """A copy in blocks, channels in order."""
        slots = prod(x.axes)
        target = maps_in(self.program.buffer(slots, x.spatial), range(slots), x.axes)
        self.add(Copy(f"{node.name} blocks {len(self.program.layers)}", x, target))
        return target


def _convolution(low: Lowering, node: Node) -> Maps:
    x, weight = low.maps[node.inputs[0]], low.graph.constant(node, 1)
    if weight is None:
        raise node.fail("its weights must be constant")
    groups = int(node.attributes.get("group", 1))
    bias = low.graph.constant(node, 2)
    bias = np.zeros(len(weight), np.float32) if bias is None else bias
    window = window_of(low.graph, node, weight.shape[2:])
    if x.axes[0] != 1:
        raise node.fail(f"a batch of {x.axes[0]} is not supported; 1 is")
    alone = groups == len(weight) == x.axes[1] and "add" not in node.attributes
    if alone and x.is_blocked(low.program.lanes):
        y = low.program.buffer(len(x.blocks()) * low.program.lanes, window.spatial)
        act = node.attributes.get("act")
        low.add(Windowed(node.name, x, y, window, "depthwise", weight=weight, bias=bias, act=act))
        return beside(x, y)
    return _product(low, node, x, weight, bias, groups, window)


def _linear(low: Lowering, node: Node) -> Maps:
    x, weight = low.maps[node.inputs[0]], low.graph.constant(node, 1)
    if weight is None or prod(x.shape[:-1]) != 1 or node.attributes.get("transA", 0):
        raise node.fail("one row of values and constant weights are supported")
    weight = weight if node.attributes.get("transB", 0) else weight.T
    bias = low.graph.constant(node, 2)
    bias = np.zeros(1) if bias is None else bias.reshape(-1) * node.attributes.get("beta", 1.0)
    bias = np.broadcast_to(bias, len(weight)).astype(np.float32)
    row = Maps(x.buffers, x.where.reshape(1, -1, 3), ())
    scaled = weight * np.float32(node.attributes.get("alpha", 1.0))
    return _product(low, node, row, scaled, bias, 1, pointwise(()))


def _product(
    low: Lowering,
    node: Node,
    x: Maps,
    weight: NDArray[Any],
    bias: NDArray[Any],
    groups: int,
    window: Window,
) -> Maps:
    x = low.reachable(node, x)
    add = None
    if "add" in node.attributes:
        add = low.in_blocks(node, low.maps[node.attributes["add"]])
    gate = None
    if "gate" in node.attributes:
        gate = low.inside(node, low.maps[node.attributes["gate"]])
    layer = Product(
        node.name, x, weight, bias, groups, window, low.program.registers, add=add,
        gate=gate, act=node.attributes.get("act"), act_after=node.attributes.get("act_after"),
    )  # fmt: skip
    slots = _slots(len(weight), groups, low.program.lanes, add)
    y = low.program.buffer(max(slots) + 1, window.spatial)
    layer.write_to(y, slots)
    low.add(layer)
    return maps_in(y, slots, (1, len(weight)))


def _slots(channels: int, groups: int, lanes: int, add: Maps | None) -> list[int]:
    """The slot of each output channel: beside the values that are added, or group by group."""
    if add is not None:
        numbers = {(id(b), block): n for n, (b, block) in enumerate(add.blocks())}
        return [
            numbers[id(b), slot // lanes] * lanes + slot % lanes for b, slot, _ in add.channels()
        ]
    each = channels // groups
    stride = each if groups == 1 else -(-each // lanes) * lanes
    return [channel // each * stride + channel % each for channel in range(channels)]


def _pool(low: Lowering, node: Node) -> Maps:
    x = low.in_blocks(node, low.maps[node.inputs[0]])
    window = window_of(low.graph, node, tuple(node.attributes["kernel_shape"]))
    y = low.program.buffer(len(x.blocks()) * low.program.lanes, window.spatial)
    kind: Any = {"MaxPool": "max", "AveragePool": "average"}[node.op]
    padded = bool(node.attributes.get("count_include_pad", 0))
    low.add(Windowed(node.name, x, y, window, kind, count_padding=padded))
    return beside(x, y)


def _mean(low: Lowering, node: Node) -> Maps:
    x = low.in_blocks(node, low.maps[node.inputs[0]])
    spatial = (1,) * (len(low.graph.shapes[node.outputs[0]]) - 2)
    y = low.program.buffer(len(x.blocks()) * low.program.lanes, spatial)
    low.add(Mean(node.name, x, y))
    return beside(x, y)


def _activate(low: Lowering, node: Node) -> Maps:
    x = low.in_blocks(node, low.maps[node.inputs[0]])
    act = activation(low.graph, node)
    assert act is not None
    y = low.program.buffer(len(x.blocks()) * low.program.lanes, x.spatial)
    low.add(Activate(node.name, x, y, act))
    return beside(x, y)


def _join(low: Lowering, node: Node) -> Maps:
    first, second = (low.maps[name] for name in node.inputs)
    sign = {"Mul": "*", "Add": "+"}[node.op]
    if first.places < second.places:
        first, second = second, first
    fits = prod(first.axes) == prod(second.axes) and second.places in (1, first.places)
    if not fits:
        raise node.fail(f"shapes {first.shape} and {second.shape} are not supported")
    x = low.in_blocks(node, first)
    other = _aligned(low, node, x, second)
    y = low.program.buffer(len(x.blocks()) * low.program.lanes, x.spatial)
    act: Activation | None = node.attributes.get("act")
    low.add(Join(node.name, x, other, y, sign, act))
    return beside(x, y)


def _aligned(low: Lowering, node: Node, x: Maps, other: Maps) -> Maps:
    """`other` with its channels in the lanes in which `x` has them; copied when they are not."""
    if other.is_blocked(low.program.lanes) and _lanes(x) == _lanes(other):
        return other
    y = low.program.buffer(len(x.blocks()) * low.program.lanes, other.spatial)
    beside_x = beside(x, y)
    target = Maps((y,), beside_x.where.reshape(*other.axes, 3), other.spatial)
    low.add(Copy(f"{node.name} aligned", other, target))
    return target


def _lanes(x: Maps) -> list[tuple[int, int]]:
    """(number of the block, lane) of every channel."""
    numbers = {(id(b), block): n for n, (b, block) in enumerate(x.blocks())}
    return [(numbers[id(b), slot // b.lanes], slot % b.lanes) for b, slot, _ in x.channels()]


RULES: dict[str, Callable[[Lowering, Node], Maps]] = {
    "Add": _join,
    "AveragePool": _pool,
    "Clip": _activate,
    "Conv": _convolution,
    "Gemm": _linear,
    "GlobalAveragePool": _mean,
    "HardSigmoid": _activate,
    "HardSwish": _activate,
    "LeakyRelu": _activate,
    "MaxPool": _pool,
    "Mul": _join,
    "Relu": _activate,
    "Sigmoid": _activate,
    "Swish": _activate,
    "Tanh": _activate,
}
