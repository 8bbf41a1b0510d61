"""Rules that move values of tensors row by row to other places."""

from collections.abc import Mapping
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import Node, Shape
from martlet.compiler.kernels.generic import Elementwise, Picked, Rearrange, Rows, row_steps
from martlet.compiler.kernels.interpolate import InterpolateRows
from martlet.compiler.lowering.context import Lowering, Rule

MOST_TABLE_ENTRIES = 1 << 16  # entries of a table of places


def moved(low: Lowering, name: str, x: Rows) -> Rows:
    """A copy of a view, row by row."""
    return low.made(Rearrange(name, [(x, 0)], low.result(x.shape)))


def _shaped(low: Lowering, node: Node) -> Rows:
    """Other sides, same order of values."""
    x = low.rows(node.inputs[0])
    constant = isinstance(x.source, np.ndarray)
    return low.calculate(node.name, "{0}", [x], x.shape) if constant else x


def _transpose(low: Lowering, node: Node) -> Rows:
    x = low.rows(node.inputs[0])
    order = node.attributes.get("perm", range(len(x.shape))[::-1])
    return moved(low, node.name, x.permuted([int(axis) for axis in order]))


def _slice(low: Lowering, node: Node) -> Rows:
    x, shape = low.rows(node.inputs[0]), low.shape(node)
    starts, strides = node.attributes["starts"], node.attributes["steps"]
    start = x.start + sum(s * step for s, step in zip(starts, x.steps, strict=True))
    steps = tuple(s * step for s, step in zip(strides, x.steps, strict=True))
    return moved(low, node.name, Rows(x.source, shape, steps, max(0, start)))


def _split(low: Lowering, node: Node) -> Mapping[str, Rows]:
    x, found, first = low.rows(node.inputs[0]), {}, 0
    axis = node.attributes["axis"]
    for name in node.outputs:
        shape = low.graph.shapes[name]
        part = Rows(x.source, shape, x.steps, x.start + first * x.steps[axis])
        found[name] = moved(low, f"{node.name} {name}", part)
        first += shape[axis]
    return found


def _concat(low: Lowering, node: Node) -> Rows:
    y = low.result(low.shape(node))
    axis, pieces, first = node.attributes["axis"], [], 0
    for name in node.inputs:
        rows = low.rows(name)
        pieces.append((rows, first * row_steps(y.spatial)[axis]))
        first += rows.shape[axis]
    return low.made(Rearrange(node.name, pieces, y))


def _joined_places(low: Lowering, node: Node) -> Rows:
    """Tensors whose channels go behind their places, all behind one another."""
    pieces, first = [], 0
    for name, channels in zip(node.inputs, node.attributes["channels"], strict=True):
        x = low.rows(name)
        order = [0, *range(channels, len(x.shape)), *range(1, channels)]
        by_place = moved(low, f"{node.name} {name}", x.permuted(order))
        pieces.append((by_place.reshaped((prod(x.shape),)), first))
        first += prod(x.shape)
    return low.made(Rearrange(node.name, pieces, low.result((first,))))


def _interleaved(low: Lowering, node: Node) -> Rows:
    """Maps whose places are every so-many-th of the output's."""
    y, strides = low.result(low.shape(node)), node.attributes["strides"]
    steps = row_steps(y.spatial)[2:]
    firsts = [
        sum(first * step for first, step in zip(each, steps, strict=True))
        for each in product(*map(range, strides))
    ]
    pieces = [(low.rows(name), first) for name, first in zip(node.inputs, firsts, strict=True)]
    return low.made(Rearrange(node.name, pieces, y, every=(1, 1, *strides)))


def _expand(low: Lowering, node: Node) -> Rows:
    return low.calculate(node.name, "{0}", [low.rows(node.inputs[0])], low.shape(node))


def _tile(low: Lowering, node: Node) -> Rows:
    """Each axis becomes two: how often, with step 0, and the axis itself."""
    x, shape = low.rows(node.inputs[0]), low.shape(node)
    doubled, steps = [], []
    for side, new, step in zip(x.shape, shape, x.steps, strict=True):
        doubled += [new // max(1, side), side]
        steps += [0, step]
    return moved(low, node.name, Rows(x.source, tuple(doubled), tuple(steps), x.start))


def _pad(low: Lowering, node: Node) -> Rows | None:
    x, pads, mode = low.rows(node.inputs[0]), node.attributes["pads"], node.attributes["mode"]
    rank = len(x.shape)
    y = low.result(low.shape(node))
    if mode == "constant" and min(pads, default=0) >= 0:
        first = sum(p * step for p, step in zip(pads, row_steps(y.spatial), strict=False))
        fill = node.attributes["value"] if len(node.inputs) == 1 else None
        if fill is None:
            filler = low.rows(node.inputs[1]).reshaped(())
            low.add(Elementwise(f"{node.name} fill", "{0}", [filler], y))
        return low.made(Rearrange(node.name, [(x, first)], y, fill=fill))
    if mode == "constant" and len(node.inputs) > 1:
        return None
    indices = [_padded(node, x.shape, axis, pads[axis], y.spatial) for axis in range(rank)]
    return low.made(Picked(node.name, x, indices, y, fill=node.attributes["value"]))


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


def _resize(low: Lowering, node: Node) -> Rows:
    """Each place repeats the one that is nearest, or is a weighed sum of a few, axis by axis."""
    if "taps" in node.attributes:
        return _interpolated(low, node)
    x, places = low.rows(node.inputs[0]), node.attributes["places"]
    indices = [
        np.arange(side) if listed is None else np.array(listed, np.int64)
        for side, listed in zip(x.shape, places, strict=True)
    ]
    y = low.result(low.shape(node))
    return low.made(Picked(node.name, x, indices, y, fill=node.attributes["value"]))


def _interpolated(low: Lowering, node: Node) -> Rows:
    x, value = low.rows(node.inputs[0]), node.attributes["value"]
    for axis, taps in enumerate(node.attributes["taps"]):
        if taps is not None:
            y = low.result((*x.shape[:axis], len(taps.places), *x.shape[axis + 1 :]))
            name = f"{node.name} axis {axis}"
            x = low.made(InterpolateRows(name, x, y, axis, taps, value))
    return moved(low, node.name, x) if x.shape == low.graph.shapes[node.inputs[0]] else x


def _depth_to_space(low: Lowering, node: Node) -> Rows:
    x, block = low.rows(node.inputs[0]), int(node.attributes["blocksize"])
    n, c, h, w = x.shape
    if node.attributes.get("mode", b"DCR") == b"CRD":
        parts = x.reshaped((n, c // block**2, block, block, h, w))
        view = parts.permuted((0, 1, 4, 2, 5, 3))
    else:
        parts = x.reshaped((n, block, block, c // block**2, h, w))
        view = parts.permuted((0, 3, 4, 1, 5, 2))
    return moved(low, node.name, view)


def _space_to_depth(low: Lowering, node: Node) -> Rows:
    x, block = low.rows(node.inputs[0]), int(node.attributes["blocksize"])
    n, c, h, w = x.shape
    parts = x.reshaped((n, c, h // block, block, w // block, block))
    by_depth = node.attributes.get("mode", b"DCR") == b"DCR"
    view = parts.permuted((0, 3, 5, 1, 2, 4) if by_depth else (0, 1, 3, 5, 2, 4))
    return moved(low, node.name, view)


SHAPING: Mapping[str, Rule] = {
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), _shaped),
    "Concat": _concat,
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "Interleaved": _interleaved,
    "JoinedPlaces": _joined_places,
    "Pad": _pad,
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Tile": _tile,
    "Transpose": _transpose,
}
