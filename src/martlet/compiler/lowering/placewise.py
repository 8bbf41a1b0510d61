"""Rules between blocks of channels and tensors that lie place by place, channels side by side."""

from collections.abc import Mapping
from math import prod

from martlet.compiler.ir.graph import Node
from martlet.compiler.ir.operators import SHAPING
from martlet.compiler.ir.tensor_view import Maps, maps_in
from martlet.compiler.kernels.generic import Rows
from martlet.compiler.kernels.to_rows import FromRows, ToRows
from martlet.compiler.lowering.context import Lowering, Rule

# What works on blocks of channels, and so wants them.
BLOCKED = frozenset((
    *("Add", "AveragePool", "Conv", "Div", "GlobalAveragePool", "Interleaved", "MaxPool", "Mul"),
    *("Resize", "ScaleShift", "Sub", "Upsample"),
))  # fmt: skip


def _joined_places(low: Lowering, node: Node) -> Maps | None:
    """Maps of several sizes, each place by place, all behind one another."""
    parts = []
    for name, axes in zip(node.inputs, node.attributes["channels"], strict=True):
        x = low.channels(name, axes)
        if x is None or low.is_in_rows(x):
            return None
        parts.append(low.in_blocks(node, x))
    y = low.in_rows(low.shape(node))
    low.add(ToRows(node.name, parts, y.buffers[0]))
    return y


def _transpose(low: Lowering, node: Node) -> Maps | Rows | None:
    """Channels behind their places, or in front of them, too many values for names of their own."""
    shape = low.graph.shapes[node.inputs[0]]
    rank, lanes = len(shape), low.program.lanes
    order = [int(axis) for axis in node.attributes.get("perm", range(rank)[::-1])]
    if rank < 3 or shape[0] != 1 or lanes == 1:
        return None
    x = low.channels(node.inputs[0])
    if order == [0, *range(2, rank), 1] and x is not None and not low.is_in_rows(x):
        y = low.result(low.shape(node))
        return low.made(ToRows(node.name, [low.in_blocks(node, x)], y))
    forward = order == [0, rank - 1, *range(1, rank - 1)] and shape[-1] >= lanes
    if forward and _feeds_blocks(low, node.outputs[0]):
        rows = low.rows(node.inputs[0])
        channels, places = shape[-1], prod(shape[:-1])
        buffer = low.program.buffer(channels, low.shape(node)[2:])
        low.add(FromRows(node.name, rows.reshaped((places, channels)), buffer))
        return maps_in(buffer, range(channels), (1, channels))
    return None


def _feeds_blocks(low: Lowering, name: str) -> bool:
    """Whether one that reads the tensor wants it in blocks of channels."""
    readers = low.consumers.get(name, [])
    return any(
        node.op in BLOCKED or (node.op in SHAPING and _feeds_blocks(low, node.outputs[0]))
        for node in readers
    )


PLACEWISE: Mapping[str, Rule] = {"JoinedPlaces": _joined_places, "Transpose": _transpose}
