"""Operators that only rearrange channels: their outputs are views, and no instruction remains."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import Graph, Node, Shape
from martlet.compiler.ir.operators import SHAPING
from martlet.compiler.ir.tensor_view import Maps

Where = NDArray[np.int64]
VIEWS = (*SHAPING, "Identity", "Transpose", "Concat", "Split", "Slice", "Gather")
MOST_NAMES = 1 << 16  # names that are given to a tensor; beyond, its values are moved


def view_of(graph: Graph, node: Node, maps: Mapping[str, Maps]) -> Mapping[str, Maps] | None:
    """The outputs of `node` as views: other names for channels of its inputs.

    None when the node does something else, takes maps apart, or reads constants.
    """
    if node.op not in VIEWS or node.inputs[0] not in maps:
        return None
    if node.op == "Concat":
        return _concat(node, [maps.get(name) for name in node.inputs])
    x = maps[node.inputs[0]]
    if node.op == "Identity":
        return {node.outputs[0]: x}
    if node.op in SHAPING:
        shaped = reshaped(x, graph.shapes[node.outputs[0]])
        return None if shaped is None else {node.outputs[0]: shaped}
    if node.op == "Transpose":
        return _transpose(node, x)
    return _parts(graph, node, x)


def by_channel(x: Maps, axes: int) -> Maps | None:
    """`x` with exactly its first `axes` axes as names, the others as places of a map.

    None when the places of such a map do not lie one behind the other.
    """
    have = len(x.axes)
    if len(x.shape) < axes:
        return None
    if have <= axes:
        return _cut(x, axes - have)
    tail = x.axes[axes:]
    if prod(tail) == 0:  # no values
        return Maps(x.buffers, np.zeros((*x.axes[:axes], 3), np.int64), (*tail, *x.spatial))
    where = x.where.reshape(*x.axes[:axes], prod(tail), 3)
    first = where[..., :1, :]
    steps = np.arange(prod(tail)) * x.places
    if x.lanes == 1:  # channels, too, lie one behind the other
        sizes = np.array([buffer.places for buffer in x.buffers])
        at = where[..., 1] * sizes[where[..., 0]] + where[..., 2]
        alike = np.array_equal(where[..., 0], np.broadcast_to(first[..., 0], at.shape))
    else:
        at = where[..., 2]
        alike = np.array_equal(where[..., :2], np.broadcast_to(first[..., :2], (*at.shape, 2)))
    if not alike or not np.array_equal(at, at[..., :1] + steps):
        return None
    return Maps(x.buffers, where[..., 0, :], (*tail, *x.spatial))


def _cut(x: Maps, axes: int) -> Maps:
    """The first axes of the maps become names: thinner maps, that begin at other places."""
    first, last = x.spatial[:axes], x.spatial[axes:]
    where = np.repeat(x.where[..., None, :], prod(first), axis=-2)
    where[..., 2] += np.arange(prod(first)) * prod(last)
    return Maps(x.buffers, where.reshape(*x.axes, *first, 3), last)


def reshaped(x: Maps, shape: Shape) -> Maps | None:
    """`x` with other axes; None when names would get too many."""
    whole = by_channel(x, 0)
    if whole is not None:
        return Maps(x.buffers, whole.where, shape)
    axes = next((k for k in range(len(shape) + 1) if prod(shape[:k]) == prod(x.axes)), None)
    if axes is not None:
        return Maps(x.buffers, x.where.reshape(*shape[:axes], 3), shape[axes:])
    kept = 0  # axes at the end that stay as they are
    while kept < min(len(x.spatial), len(shape)) and shape[-1 - kept] == x.spatial[-1 - kept]:
        kept += 1
    if prod(shape[: len(shape) - kept]) > MOST_NAMES:
        return None
    cut = _cut(x, len(x.spatial) - kept)
    names = shape[: len(shape) - kept]
    return Maps(x.buffers, cut.where.reshape(*names, 3), cut.spatial)


def _transpose(node: Node, x: Maps) -> Mapping[str, Maps] | None:
    rank = len(x.shape)
    order = [int(axis) for axis in node.attributes.get("perm", range(rank)[::-1])]
    moved = [axis for axis in range(rank) if order[axis] != axis]
    named = _named(x, max(moved, default=-1) + 1)
    if named is None:
        return None
    axes = len(named.axes)
    where = named.where.transpose(*order[:axes], axes)
    return {node.outputs[0]: Maps(x.buffers, where, named.spatial)}


def _named(x: Maps, axes: int) -> Maps | None:
    """`x` with at least its first `axes` axes as names, if that is worth it.

    A tensor row by row is better moved by generic loops than named value by value.
    """
    if len(x.axes) >= axes:
        return x
    if prod(x.shape[:axes]) > MOST_NAMES:
        return None
    if prod(x.shape[axes:]) == 1 and by_channel(x, 0) is not None:
        return None
    return by_channel(x, axes)


def _concat(node: Node, given: list[Maps | None]) -> Mapping[str, Maps] | None:
    axis = node.attributes["axis"]
    parts = [_named(part, axis + 1) for part in given if part is not None]
    named = [part for part in parts if part is not None]
    axes = max((len(part.axes) for part in named), default=0)
    cut = [part for part in (by_channel(part, axes) for part in named) if part is not None]
    if len(cut) != len(given) or axes <= axis:
        return None
    joined = concatenated(cut, axis)
    alike = len({buffer.lanes for buffer in joined.buffers}) == 1
    return {node.outputs[0]: joined} if alike else None


def concatenated(parts: Sequence[Maps], axis: int) -> Maps:
    """Tensors side by side along an axis that names channels, wherever they lie."""
    buffers = dict.fromkeys(buffer for part in parts for buffer in part.buffers)
    numbers = {buffer: number for number, buffer in enumerate(buffers)}
    wheres = [part.where.copy() for part in parts]
    for part, where in zip(parts, wheres, strict=True):
        where[..., 0] = np.array([numbers[buffer] for buffer in part.buffers])[where[..., 0]]
    return Maps(tuple(buffers), np.concatenate(wheres, axis), parts[0].spatial)


def _parts(graph: Graph, node: Node, x: Maps) -> Mapping[str, Maps] | None:
    """What Split, Slice and Gather leave of the names, if they leave maps whole."""
    if not all(node.outputs):
        return None
    shapes = [graph.shapes[name] for name in node.outputs]
    if node.op == "Slice":
        starts, steps = node.attributes["starts"], node.attributes["steps"]
        taken = list(zip(starts, shapes[0], steps, strict=True))
        touched = [axis for axis, side in enumerate(x.shape) if taken[axis] != (0, side, 1)]
        named = _named(x, max(touched, default=-1) + 1)
        if named is None:
            return None
        where = named.where
        for axis in touched:
            first, count, step = taken[axis]
            where = np.take(where, first + step * np.arange(count), axis)
        return {node.outputs[0]: Maps(x.buffers, where, named.spatial)}
    axis = node.attributes["axis"]
    named = _named(x, axis + 1)
    if named is None:
        return None
    if node.op == "Gather":
        index = graph.constants.get(node.inputs[1])
        if index is None:
            return None
        where = np.take(named.where, index.astype(np.int64) % x.shape[axis], axis)
        return {node.outputs[0]: Maps(x.buffers, where, named.spatial)}
    ends = np.cumsum([shape[axis] for shape in shapes])[:-1]
    pieces = np.split(named.where, ends, axis)
    named_parts = zip(node.outputs, pieces, strict=True)
    return {name: Maps(x.buffers, piece, named.spatial) for name, piece in named_parts if name}
