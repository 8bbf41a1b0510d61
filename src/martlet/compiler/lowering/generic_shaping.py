"""Rules that move values of tensors row by row to other places."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import Node, Shape
from martlet.compiler.ir.tensor_view import Maps
from martlet.compiler.kernels.generic import (
    Elementwise,
    Picked,
    Rearrange,
    Rows,
    row_steps,
    rows_of,
)
from martlet.compiler.lowering.context import Lowering, Rule, in_memory

MOST_TABLE_ENTRIES = 1 << 16  # entries of a table of places


def moved(low: Lowering, name: str, x: Rows) -> Rows:
    """A copy of a view, row by row."""
    y = low.result(x.shape)
    low.add(Rearrange(name, [(x, 0)], y))
    return rows_of(y, x.shape)


def _shaped(low: Lowering, node: Node) -> Maps:
    """Other sides, same order of values."""
    x, shape = low.rows(node.inputs[0]), low.graph.shapes[node.outputs[0]]
    if isinstance(x.source, np.ndarray):
        return in_memory(low.calculate(node.name, "{0}", [x.reshaped(shape)], shape))
    return in_memory(x.reshaped(shape))


def _transpose(low: Lowering, node: Node) -> Maps:
    x = low.rows(node.inputs[0])
    order = node.attributes.get("perm", range(len(x.shape))[::-1])
    return in_memory(moved(low, node.name, x.permuted([int(axis) for axis in order])))


def _slice(low: Lowering, node: Node) -> Maps:
    x, shape = low.rows(node.inputs[0]), low.graph.shapes[node.outputs[0]]
    starts, strides = node.attributes["starts"], node.attributes["steps"]
    start = x.start + sum(s * step for s, step in zip(starts, x.steps, strict=True))
    steps = tuple(s * step for s, step in zip(strides, x.steps, strict=True))
    return in_memory(moved(low, node.name, Rows(x.source, shape, steps, max(0, start))))


def _split(low: Lowering, node: Node) -> Mapping[str, Maps]:
    x, found, first = low.rows(node.inputs[0]), {}, 0
    axis = int(node.attributes.get("axis", 0)) % len(x.shape)
    for name in node.outputs:
        shape = low.graph.shapes[name]
        part = Rows(x.source, shape, x.steps, x.start + first * x.steps[axis])
        found[name] = in_memory(moved(low, f"{node.name} {name}", part))
        first += shape[axis]
    return found


def _concat(low: Lowering, node: Node) -> Maps:
    y = low.result(low.graph.shapes[node.outputs[0]])
    axis = int(node.attributes.get("axis", 1)) % len(y.spatial)
    pieces, first = [], 0
    for name in node.inputs:
        rows = low.rows(name)
        pieces.append((rows, first * row_steps(y.spatial)[axis]))
        first += rows.shape[axis]
    low.add(Rearrange(node.name, pieces, y))
    return in_memory(rows_of(y, y.spatial))


def _expand(low: Lowering, node: Node) -> Maps:
    shape = low.graph.shapes[node.outputs[0]]
    return in_memory(low.calculate(node.name, "{0}", [low.rows(node.inputs[0])], shape))


def _tile(low: Lowering, node: Node) -> Maps:
    """Each axis becomes two: how often, with step 0, and the axis itself."""
    x, shape = low.rows(node.inputs[0]), low.graph.shapes[node.outputs[0]]
    doubled, steps = [], []
    for side, new, step in zip(x.shape, shape, x.steps, strict=True):
        doubled += [new // max(1, side), side]
        steps += [0, step]
    tiled = moved(low, node.name, Rows(x.source, tuple(doubled), tuple(steps), x.start))
    return in_memory(tiled.reshaped(shape))


def _pad(low: Lowering, node: Node) -> Maps | None:
    x, pads, mode = low.rows(node.inputs[0]), node.attributes["pads"], node.attributes["mode"]
    rank = len(x.shape)
    y = low.result(low.graph.shapes[node.outputs[0]])
    if mode == "constant" and min(pads, default=0) >= 0:
        first = sum(p * step for p, step in zip(pads, row_steps(y.spatial), strict=False))
        fill = node.attributes["value"] if len(node.inputs) == 1 else None
        if fill is None:
            filler = low.rows(node.inputs[1]).reshaped(())
            low.add(Elementwise(f"{node.name} fill", "{0}", [filler], y))
        low.add(Rearrange(node.name, [(x, first)], y, fill=fill))
    elif mode == "constant" and len(node.inputs) > 1:
        return None
    else:
        indices = [_padded(node, x.shape, axis, pads[axis], y.spatial) for axis in range(rank)]
        low.add(Picked(node.name, x, indices, y, fill=node.attributes["value"]))
    return in_memory(rows_of(y, y.spatial))


def _padded(node: Node, shape: Shape, axis: int, before: int, out: Shape) -> NDArray[np.int64]:
    """For each place of the padded axis the place that it repeats, or -1."""
    if out[axis] > MOST_TABLE_ENTRIES:
        raise node.fail(
            f"an axis of {out[axis]} values is not supported; up to {MOST_TABLE_ENTRIES} is"
        )
    side, at = shape[axis], np.arange(out[axis]) - before
    match node.attributes["mode"]:
        case "constant":
            return np.where((at >= 0) & (at < side), at, -1)
        case "edge":
            return np.clip(at, 0, side - 1)
        case "wrap":
            return at % side
        case "reflect":
            turn = max(1, 2 * (side - 1))
            at = np.abs(at) % turn
            return np.minimum(at, turn - at) if side > 1 else at * 0
        case other:
            raise node.fail(f"mode={other!r} is not supported")


def _gather(low: Lowering, node: Node) -> Maps | None:
    x, listed = low.rows(node.inputs[0]), low.weight(node, 1)
    if listed is None:
        raise node.fail("its indices must be constant")
    axis = int(node.attributes.get("axis", 0)) % len(x.shape)
    indices = [np.arange(side) for side in x.shape]
    indices[axis] = listed.reshape(-1).astype(np.int64) % x.shape[axis]
    y = low.result((*x.shape[:axis], listed.size, *x.shape[axis + 1 :]))
    low.add(Picked(node.name, x, indices, y))
    return in_memory(rows_of(y, low.graph.shapes[node.outputs[0]]))


def _depth_to_space(low: Lowering, node: Node) -> Maps:
    x, block = low.rows(node.inputs[0]), int(node.attributes["blocksize"])
    n, c, h, w = x.shape
    if node.attributes.get("mode", b"DCR") == b"CRD":
        parts = x.reshaped((n, c // block**2, block, block, h, w))
        view = parts.permuted((0, 1, 4, 2, 5, 3))
    else:
        parts = x.reshaped((n, block, block, c // block**2, h, w))
        view = parts.permuted((0, 3, 4, 1, 5, 2))
    return in_memory(moved(low, node.name, view).reshaped(low.graph.shapes[node.outputs[0]]))


def _space_to_depth(low: Lowering, node: Node) -> Maps:
    x, block = low.rows(node.inputs[0]), int(node.attributes["blocksize"])
    n, c, h, w = x.shape
    parts = x.reshaped((n, c, h // block, block, w // block, block))
    by_depth = node.attributes.get("mode", b"DCR") == b"DCR"
    view = parts.permuted((0, 3, 5, 1, 2, 4) if by_depth else (0, 1, 3, 5, 2, 4))
    return in_memory(moved(low, node.name, view).reshaped(low.graph.shapes[node.outputs[0]]))


SHAPING: Mapping[str, Rule] = {
    "Concat": _concat,
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "Flatten": _shaped,
    "Gather": _gather,
    "Pad": _pad,
    "Reshape": _shaped,
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _shaped,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _shaped,
}
