"""Rules of operators whose answer is a place, or that read where another tensor says."""

from collections.abc import Mapping
from math import prod

import numpy as np

from martlet.compiler.ir.graph import Node
from martlet.compiler.kernels.choosing import PlaceOfExtreme, TopK
from martlet.compiler.kernels.gathering import GatherElements, GatherRows, GatherSlices
from martlet.compiler.kernels.generic import Picked, Rows, rows_of
from martlet.compiler.kernels.grid_sample import GridSample
from martlet.compiler.kernels.suppression import Suppression
from martlet.compiler.lowering.context import Lowering, Rule


def _place_of_extreme(low: Lowering, node: Node) -> Rows:
    sign = ">" if node.op == "ArgMax" else "<"
    compare = f"{sign}=" if node.attributes.get("select_last_index", 0) else sign
    x = low.rows(node.inputs[0])
    layer = PlaceOfExtreme(
        node.name, x, node.attributes["axis"], compare, low.result(low.shape(node))
    )
    return low.made(layer)


def _top_k(low: Lowering, node: Node) -> Mapping[str, Rows]:
    x, axis, count = low.rows(node.inputs[0]), node.attributes["axis"], node.attributes["k"]
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    y = low.result((2, *shape))
    compare = ">" if node.attributes.get("largest", 1) else "<"
    low.add(TopK(node.name, x, axis, count, compare, y))
    outputs = zip(node.outputs, (0, prod(shape)), strict=False)
    return {name: rows_of(y, shape, start) for name, start in outputs if name}


def _gather(low: Lowering, node: Node) -> Rows:
    """Slices along an axis, at places that are known beforehand, or at run time."""
    x, axis, at = low.rows(node.inputs[0]), node.attributes["axis"], node.inputs[1]
    y = low.result((*x.shape[:axis], prod(low.graph.shapes[at]), *x.shape[axis + 1 :]))
    if at not in low.graph.constants:
        return low.made(GatherRows(node.name, x, low.rows(at), axis, y))
    indices = [np.arange(side) for side in x.shape]
    indices[axis] = low.graph.constants[at].reshape(-1).astype(np.int64) % x.shape[axis]
    return low.made(Picked(node.name, x, indices, y))


def _gather_elements(low: Lowering, node: Node) -> Rows:
    x, at = map(low.rows, node.inputs[:2])
    layer = GatherElements(node.name, x, at, node.attributes["axis"], low.result(at.shape))
    return low.made(layer)


def _gather_slices(low: Lowering, node: Node) -> Rows:
    x, at = map(low.rows, node.inputs[:2])
    batch = int(node.attributes.get("batch_dims", 0))
    return low.made(GatherSlices(node.name, x, at, batch, low.result(low.shape(node))))


def _grid_sample(low: Lowering, node: Node) -> Rows:
    x, grid = map(low.rows, node.inputs[:2])
    mode = node.attributes.get("mode", b"linear").decode()
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
    outside = node.attributes.get("padding_mode", b"zeros").decode()
    corners = bool(node.attributes.get("align_corners", 0))
    y = low.result(low.shape(node))
    return low.made(GridSample(node.name, x, grid, y, mode, outside, corners=corners))


def _suppression(low: Lowering, node: Node) -> Rows:
    boxes, scores = map(low.rows, node.inputs[:2])
    given = node.attributes
    rows = low.shape(node)[0]
    y = low.result((3 * rows + scores.shape[2],))
    low.add(Suppression(
        node.name, boxes, scores, y, given["most"], overlap=given["overlap"], least=given["least"],
        by_centre=bool(given.get("center_point_box", 0)),
    ))  # fmt: skip
    return rows_of(y, (rows, 3))


CHOOSING: Mapping[str, Rule] = {
    **dict.fromkeys(("ArgMax", "ArgMin"), _place_of_extreme),
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_slices,
    "GridSample": _grid_sample,
    "NonMaxSuppression": _suppression,
    "TopK": _top_k,
}
