"""Rules of convolution as GEMM: how a convolution or matrix, with its epilogue, becomes a layer."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import Node
from martlet.compiler.ir.tensor_view import Maps, maps_in
from martlet.compiler.ir.window import Window, pointwise
from martlet.compiler.kernels.gemm import Product
from martlet.compiler.lowering.context import Lowering
from martlet.compiler.lowering.views import by_channel


def picture(x: Maps, number: int) -> Maps:
    """One picture of a batch, with the buffers that hold it."""
    used, place = np.unique(x.where[number, ..., 0], return_inverse=True)
    where = x.where[number : number + 1].copy()
    where[..., 0] = place.reshape(where.shape[:-1])
    return Maps(tuple(x.buffers[buffer] for buffer in used), where, x.spatial)


def bias_of(low: Lowering, node: Node) -> NDArray[Any] | None:
    """The biases of a convolution: zeros when left out, None when computed at run time."""
    if len(node.inputs) < 3 or not node.inputs[2]:
        return np.zeros(low.shape(node)[1], np.float32)
    return low.weight(node, 2)


def linear(low: Lowering, node: Node) -> Maps | None:
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
    made = product(low, node, row, scaled, bias, 1, pointwise(()))
    where = made.where.reshape(*low.shape(node), 3)
    return Maps(made.buffers, where, ())


def product(
    low: Lowering,
    node: Node,
    x: Maps,
    weight: NDArray[Any],
    bias: NDArray[Any],
    groups: int,
    window: Window,
    number: int = 0,
) -> Maps:
    """The layer of one product of picture `number`, with what its node says is fused."""
    x = low.reachable(node, x)
    added, gate = added_to(low, node, number), _operand(low, node, "gate", number)
    if gate is not None:
        gate = low.inside(node, gate)
    layer = Product(
        node.name, x, weight, bias, groups, window, low.program.registers, add=added,
        gate=gate, act=node.attributes.get("act"), act_after=node.attributes.get("act_after"),
    )  # fmt: skip
    shift = -1 if added is not None or groups == 1 else _shift(low, node)
    key = (node.outputs[0], number)
    low.slots.note(key, layer)
    slots = slots_of(len(weight), groups, low.program.lanes, added, shift)
    if added is None and key in low.slots.given:
        slots = list(low.slots.given[key])
    y = low.program.buffer(max(slots) + 1, window.spatial)
    layer.write_to(y, slots)
    low.add(layer)
    return maps_in(y, slots, (1, len(weight)))


def added_to(low: Lowering, node: Node, number: int) -> Maps | None:
    """What is added to picture `number` of a node's result, in blocks."""
    added = _operand(low, node, "add", number)
    return None if added is None else low.in_blocks(node, added)


def _operand(low: Lowering, node: Node, word: str, number: int) -> Maps | None:
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
    return picture(found, number)


def _shift(low: Lowering, node: Node) -> int:
    """At which slot of a vector the channels begin, -1 where each group begins a vector.

    A grouped convolution that reads them behind others, joined with them, finds the channels of a
    group in whole vectors then.
    """
    lanes, graph = low.program.lanes, low.graph
    readers = low.consumers.get(node.outputs[0], [])
    if len(readers) != 1 or readers[0].op != "Concat" or readers[0].attributes["axis"] != 1:
        return -1
    before = 0
    for name in readers[0].inputs:
        if name == node.outputs[0]:
            break
        before += graph.shapes[name][1]
    joined = graph.shapes[readers[0].outputs[0]][1]
    behind = low.consumers.get(readers[0].outputs[0], [])
    convolutions = [reader for reader in behind if reader.op == "Conv"]
    sizes = {joined // int(reader.attributes.get("group", 1)) for reader in convolutions}
    return before % lanes if sizes and all(size % lanes == 0 for size in sizes) else -1


def slots_of(
    channels: int, groups: int, lanes: int, add: Maps | None, shift: int = -1
) -> list[int]:
    """The slot of each output channel: beside the values that are added, or group by group."""
    if add is not None:
        return [block * lanes + lane for block, lane in add.positions()]
    if shift >= 0:
        return list(range(shift, shift + channels))
    each = channels // groups
    together = min(groups, max(1, lanes // each))  # groups of few channels share a vector
    if groups > 1:
        filled = together * each
        stride = -(-filled // lanes) * lanes
        return [channel // filled * stride + channel % filled for channel in range(channels)]
    return list(range(channels))
