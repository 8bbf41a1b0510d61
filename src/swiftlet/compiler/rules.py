"""Rules of the fast layers, in blocks of channels; each says None to what is not its task."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swiftlet.compiler.graph import Node
from swiftlet.compiler.layers.geometry import Window, pointwise, window_of
from swiftlet.compiler.layers.lanewise import Activate, Join, Mean, Windowed, beside
from swiftlet.compiler.layers.product import Product
from swiftlet.compiler.lowering import Lowering, Rule
from swiftlet.compiler.naming import by_channel
from swiftlet.compiler.program import Buffer, Maps, maps_in
from swiftlet.compiler.simplify import Activation, activation

SIGNS = {"Mul": "*", "Add": "+", "Sub": "-", "Div": "/"}


def _convolution(low: Lowering, node: Node) -> Maps | None:
    x, weight = low.channels(node.inputs[0]), low.weight(node, 1)
    bias = _bias(low, node)
    if x is None or weight is None or bias is None or not 1 <= len(x.spatial) <= 3:
        return None
    window = window_of(low.graph, node, weight.shape[2:])
    groups, batch = int(node.attributes.get("group", 1)), x.axes[0]
    if groups == len(weight) == x.axes[1] and "gate" not in node.attributes:
        return _depthwise(low, node, x, weight, bias, window)
    parts = [
        _product(low, node, _picture(x, number), weight, bias, groups, window, number)
        for number in range(batch)
    ]
    return _stacked(parts)


def _bias(low: Lowering, node: Node) -> NDArray[Any] | None:
    """The biases of a convolution: zeros when left out, None when computed at run time."""
    if len(node.inputs) < 3 or not node.inputs[2]:
        return np.zeros(low.graph.shapes[node.outputs[0]][1], np.float32)
    return low.weight(node, 2)


def _depthwise(
    low: Lowering, node: Node, x: Maps, weight: NDArray[Any], bias: NDArray[Any], window: Window
) -> Maps:
    batch = x.axes[0]
    x = low.in_blocks(node, x)
    y = _blocks_like(low, x, window.spatial)
    weight = np.tile(weight, (batch, *[1] * (weight.ndim - 1)))
    bias, act = np.tile(bias, batch), node.attributes.get("act")
    low.add(Windowed(node.name, x, y, window, "depthwise", weight=weight, bias=bias, act=act))
    made = beside(x, y)
    if "add" not in node.attributes:
        return made
    added = low.channels(node.attributes["add"])
    added = low.placed(node.attributes["add"]) if added is None else added
    return _joined(low, node, made, added, "+", node.attributes.get("act_after"))


def _scale_shift(low: Lowering, node: Node) -> Maps | None:
    """Each channel times a number, plus another: a depthwise convolution of one place."""
    x, scale, shift = low.channels(node.inputs[0]), low.weight(node, 1), low.weight(node, 2)
    if x is None or scale is None or shift is None or x.lanes == 1 or not 1 <= len(x.spatial) <= 3:
        return None
    ones = (1,) * len(x.spatial)
    window = window_of(low.graph, node, ones)
    return _depthwise(low, node, x, scale.reshape(-1, 1, *ones), shift, window)


def _picture(x: Maps, number: int) -> Maps:
    """One picture of a batch."""
    return Maps(x.buffers, x.where[number : number + 1], x.spatial)


def _stacked(parts: list[Maps]) -> Maps:
    """A batch of pictures, each in a buffer of its own."""
    wheres = []
    for number, part in enumerate(parts):
        where = part.where.copy()
        where[..., 0] = number
        wheres.append(where)
    buffers = tuple(part.buffers[0] for part in parts)
    return Maps(buffers, np.concatenate(wheres), parts[0].spatial)


def _linear(low: Lowering, node: Node) -> Maps | None:
    """One row of values by a constant matrix."""
    x, weight = low.maps.get(node.inputs[0]), low.weight(node, 1)
    if x is None or weight is None or weight.ndim != 2 or len(x.shape) < 2:
        return None
    row = by_channel(x, len(x.shape))
    biased = len(node.inputs) > 2 and bool(node.inputs[2])
    bias = low.weight(node, 2) if biased else np.zeros(1, np.float32)
    transposed = node.attributes.get("transA", 0)
    if row is None or bias is None or prod(x.shape[:-1]) != 1 or transposed:
        return None
    weight = weight if node.attributes.get("transB", 0) else weight.T
    bias = bias.reshape(-1) * np.float32(node.attributes.get("beta", 1.0))
    bias = np.broadcast_to(bias, len(weight)).astype(np.float32)
    scaled = weight * np.float32(node.attributes.get("alpha", 1.0))
    row = Maps(row.buffers, row.where.reshape(1, -1, 3), ())
    made = _product(low, node, row, scaled, bias, 1, pointwise(()))
    where = made.where.reshape(*low.graph.shapes[node.outputs[0]], 3)
    return Maps(made.buffers, where, ())


def _product(
    low: Lowering,
    node: Node,
    x: Maps,
    weight: NDArray[Any],
    bias: NDArray[Any],
    groups: int,
    window: Window,
    picture: int = 0,
) -> Maps:
    x = low.reachable(node, x)
    added, gate = (_operand(low, node, word, picture) for word in ("add", "gate"))
    if added is not None:
        added = low.in_blocks(node, added)
    if gate is not None:
        gate = low.inside(node, gate)
    layer = Product(
        node.name, x, weight, bias, groups, window, low.program.registers, add=added,
        gate=gate, act=node.attributes.get("act"), act_after=node.attributes.get("act_after"),
    )  # fmt: skip
    shift = -1 if added is not None or groups == 1 else _shift(low, node)
    slots = _slots(len(weight), groups, low.program.lanes, added, shift)
    y = low.program.buffer(max(slots) + 1, window.spatial)
    layer.write_to(y, slots)
    low.add(layer)
    return maps_in(y, slots, (1, len(weight)))


def _operand(low: Lowering, node: Node, word: str, picture: int) -> Maps | None:
    """The tensor that an attribute names, of one picture."""
    if word not in node.attributes:
        return None
    name = node.attributes[word]
    low.placed(name)
    found = low.channels(name)
    if found is None:  # its maps lie apart: take it value by value
        rows = low.in_rows(low.graph.shapes[name])
        low.copy(f"{node.name} {word}", low.maps[name], rows)
        found = by_channel(rows, 2)
    assert found is not None
    return _picture(found, picture)


def _shift(low: Lowering, node: Node) -> int:
    """At which slot of a vector the channels begin, -1 where each group begins a vector.

    A grouped convolution that reads them behind others, joined with them, finds the channels of a
    group in whole vectors then.
    """
    lanes, graph = low.program.lanes, low.graph
    readers = graph.consumers().get(node.outputs[0], [])
    if len(readers) != 1 or readers[0].op != "Concat" or readers[0].attributes["axis"] != 1:
        return -1
    before = 0
    for name in readers[0].inputs:
        if name == node.outputs[0]:
            break
        before += graph.shapes[name][1]
    joined = graph.shapes[readers[0].outputs[0]][1]
    behind = graph.consumers().get(readers[0].outputs[0], [])
    convolutions = [reader for reader in behind if reader.op == "Conv"]
    sizes = {joined // int(reader.attributes.get("group", 1)) for reader in convolutions}
    return before % lanes if sizes and all(size % lanes == 0 for size in sizes) else -1


def _slots(channels: int, groups: int, lanes: int, add: Maps | None, shift: int = -1) -> list[int]:
    """The slot of each output channel: beside the values that are added, or group by group."""
    if add is not None:
        numbers = {(id(b), block): n for n, (b, block) in enumerate(add.blocks())}
        return [
            numbers[id(b), slot // lanes] * lanes + slot % lanes for b, slot, _ in add.channels()
        ]
    if shift >= 0:
        return list(range(shift, shift + channels))
    each = channels // groups
    stride = each if groups == 1 else -(-each // lanes) * lanes
    return [channel // each * stride + channel % each for channel in range(channels)]


def _blocks_like(low: Lowering, x: Maps, spatial: tuple[int, ...]) -> Buffer:
    """Memory with a block for each block of `x`."""
    return low.program.buffer(len(x.blocks()) * low.program.lanes, spatial)


def _pool(low: Lowering, node: Node) -> Maps | None:
    x = low.channels(node.inputs[0])
    if x is None or any(node.outputs[1:]) or not 1 <= len(x.spatial) <= 3:
        return None
    padded = bool(node.attributes.get("count_include_pad", 0))
    if padded and node.attributes.get("ceil_mode", 0):
        return None  # windows that stick out of the padding count less
    window = window_of(low.graph, node, tuple(node.attributes["kernel_shape"]))
    x = low.in_blocks(node, x)
    y = _blocks_like(low, x, window.spatial)
    kind: Any = {"MaxPool": "max", "AveragePool": "average"}[node.op]
    act = node.attributes.get("act")
    low.add(Windowed(node.name, x, y, window, kind, count_padding=padded, act=act))
    return beside(x, y)


def _mean(low: Lowering, node: Node) -> Maps | None:
    x = low.channels(node.inputs[0])
    if x is None or x.lanes == 1 or not x.spatial:
        return None
    x = low.in_blocks(node, x)
    y = _blocks_like(low, x, (1,) * (len(low.graph.shapes[node.outputs[0]]) - 2))
    low.add(Mean(node.name, x, y))
    return beside(x, y)


def _activate(low: Lowering, node: Node) -> Maps | None:
    x, act = low.maps.get(node.inputs[0]), activation(low.graph, node)
    if x is None or x.lanes == 1 or act is None:
        return None
    x = low.in_blocks(node, x)
    y = _blocks_like(low, x, x.spatial)
    low.add(Activate(node.name, x, y, act))
    return beside(x, y)


def _join(low: Lowering, node: Node) -> Maps | None:
    """Two tensors of one shape, or one with a value for each of its channels."""
    if len(node.inputs) != 2:
        return None
    first, second = (low.channels(name) for name in node.inputs)
    if first is None or second is None or first.lanes == second.lanes == 1:
        return None
    if first.places < second.places and node.op in ("Add", "Mul"):
        first, second = second, first
    by_channel_alone = second.axes == first.axes and set(second.spatial) <= {1}
    if first.shape != second.shape and not by_channel_alone:
        return None
    if len(first.shape) != len(second.shape):
        return None
    return _joined(low, node, first, second, SIGNS[node.op], node.attributes.get("act"))


def _joined(
    low: Lowering, node: Node, first: Maps, second: Maps, sign: str, act: Activation | None
) -> Maps:
    x = low.in_blocks(node, first)
    other = _aligned(low, node, x, second)
    y = _blocks_like(low, x, x.spatial)
    low.add(Join(node.name, x, other, y, sign, act))
    return beside(x, y)


def _aligned(low: Lowering, node: Node, x: Maps, other: Maps) -> Maps:
    """`other` with its channels in the lanes in which `x` has them; copied when they are not."""
    if other.is_blocked(low.program.lanes) and _lanes(x) == _lanes(other):
        return other
    y = _blocks_like(low, x, other.spatial)
    beside_x = beside(x, y)
    target = Maps((y,), beside_x.where.reshape(*other.axes, 3), other.spatial)
    low.copy(f"{node.name} aligned", other, target)
    return target


def _lanes(x: Maps) -> list[tuple[int, int]]:
    """(number of the block, lane) of every channel."""
    numbers = {(id(b), block): n for n, (b, block) in enumerate(x.blocks())}
    return [(numbers[id(b), slot // b.lanes], slot % b.lanes) for b, slot, _ in x.channels()]


RULES: Mapping[str, Rule] = {
    "Add": _join,
    "AveragePool": _pool,
    "Clip": _activate,
    "Conv": _convolution,
    "Div": _join,
    "Gemm": _linear,
    "GlobalAveragePool": _mean,
    "HardSigmoid": _activate,
    "HardSwish": _activate,
    "LeakyRelu": _activate,
    "MatMul": _linear,
    "MaxPool": _pool,
    "Mul": _join,
    "Relu": _activate,
    "ScaleShift": _scale_shift,
    "Sigmoid": _activate,
    "Sub": _join,
    "Swish": _activate,
    "Tanh": _activate,
}
