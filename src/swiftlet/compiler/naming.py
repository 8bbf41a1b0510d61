"""Operators that only rearrange channels: they change names, and no instruction remains of them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from swiftlet.compiler.graph import Graph, Node, Shape
from swiftlet.compiler.program import Buffer, Maps

Where = NDArray[np.int64]
RENAMING = ("Reshape", "Flatten", "Unsqueeze", "Squeeze", "Transpose", "Concat", "Split", "Slice", "Gather")


def rename(graph: Graph, node: Node, maps: Mapping[str, Maps]) -> dict[str, Maps] | None:
    """The outputs of `node` as new names for channels of its inputs.

    None when the node does something else, or takes maps apart.
    """
    if node.op not in RENAMING:
        return None
    if node.op == "Concat":
        return _concat(node, [maps[name] for name in node.inputs])
    x = maps[node.inputs[0]]
    where, spatial = _spread(x)
    if node.op in ("Reshape", "Flatten", "Unsqueeze", "Squeeze"):
        return _reshape(x, where, spatial, node, graph.shapes[node.outputs[0]])
    axes = where.ndim - 1
    if node.op == "Transpose":
        rank = axes + len(spatial)
        order = [int(a) for a in node.attributes.get("perm", range(rank)[::-1])]
        if order[axes:] != list(range(axes, rank)):
            return None
        return {node.outputs[0]: Maps(x.buffers, where.transpose(*order[:axes], axes), spatial)}
    parts = _parts(graph, node, where, axes, len(spatial))
    if parts is None:
        return None
    return {
        name: Maps(x.buffers, part, spatial)
        for name, part in zip(node.outputs, parts, strict=True)
        if name
    }


def _spread(x: Maps) -> tuple[Where, Shape]:
    """Channel names and map axes; where a map is one value, all axes name channels."""
    if x.places == 1:
        return x.where.reshape(*x.shape, 3), ()
    return x.where, x.spatial


def _reshape(
    x: Maps, where: Where, spatial: Shape, node: Node, shape: Shape
) -> dict[str, Maps] | None:
    kept = len(spatial)
    while kept and (len(shape) < kept or shape[len(shape) - kept :] != spatial[len(spatial) - kept :]):
        kept -= 1
    if spatial and kept == 0:
        return None
    first, last = spatial[: len(spatial) - kept], spatial[len(spatial) - kept :]
    if first:  # maps are cut into thinner ones: their first places become names
        size = int(np.prod(last))
        starts = np.arange(int(np.prod(first))) * size
        where = np.repeat(where[..., None, :], len(starts), axis=-2)
        where = where.copy()
        where[..., 2] += starts
    axes = shape[: len(shape) - kept]
    return {node.outputs[0]: Maps(x.buffers, where.reshape(*axes, 3), last)}


def _concat(node: Node, parts: list[Maps]) -> dict[str, Maps] | None:
    spread = [_spread(part) for part in parts]
    axis = int(node.attributes["axis"]) % len(parts[0].shape)
    spatial = spread[0][1]
    if axis >= spread[0][0].ndim - 1 or any(s != spatial for _, s in spread):
        return None
    buffers: list[Buffer] = []
    named = []
    for part, (where, _) in zip(parts, spread, strict=True):
        buffers += [buffer for buffer in part.buffers if buffer not in buffers]
        numbers = np.array([buffers.index(buffer) for buffer in part.buffers])
        renumbered = where.copy()
        renumbered[..., 0] = numbers[where[..., 0]]
        named.append(renumbered)
    return {node.outputs[0]: Maps(tuple(buffers), np.concatenate(named, axis), spatial)}


def _parts(graph: Graph, node: Node, where: Where, axes: int, kept: int) -> list[Where] | None:
    """What Split, Slice and Gather leave of the names, if they leave maps whole."""
    if node.op == "Slice":
        picked = _slice(graph, node, where, axes, kept)
        return None if picked is None else [picked]
    axis = int(node.attributes.get("axis", 0)) % (axes + kept)
    if axis >= axes:
        return None
    if node.op == "Gather":
        index = graph.constant(node, 1)
        return None if index is None else [np.take(where, index, axis)]
    sizes = [graph.shapes[name][axis] for name in node.outputs]
    return list(np.split(where, np.cumsum(sizes)[:-1], axis))


def _slice(graph: Graph, node: Node, where: Where, axes: int, kept: int) -> Where | None:
    if len(node.inputs) == 1:  # before operator set 10
        starts, ends = node.attributes["starts"], node.attributes["ends"]
        which, steps = node.attributes.get("axes"), None
    else:
        starts, ends, which, steps = (graph.constant(node, index) for index in (1, 2, 3, 4))
    assert starts is not None
    assert ends is not None
    which = range(len(starts)) if which is None else which
    steps = [1] * len(starts) if steps is None else steps
    for start, end, axis, step in zip(starts, ends, which, steps, strict=True):
        place = int(axis) % (axes + kept)
        if place >= axes:
            return None
        index: list[slice] = [slice(None)] * axes
        index[place] = slice(int(start), _end(int(end), int(step)), int(step))
        where = where[tuple(index)]
    return where


def _end(end: int, step: int) -> int | None:
    return None if step < 0 and end < -(1 << 30) else end
