"""The one form, and the checks, of operators that choose among values or read by a tensor's say.

The C code trusts shapes: here is the place where nothing is trusted.
"""

from collections.abc import Callable
from math import prod

import numpy as np

from martlet.compiler.ir.graph import Graph, Node, Shape
from martlet.compiler.ir.operators import GATES

GRID_MODES = ("bilinear", "linear", "nearest", "bicubic", "cubic")
GRID_PADDING = ("zeros", "border", "reflection")


def top_k(node: Node, graph: Graph, opset: int) -> None:
    """`k` as an attribute, as before operator set 10."""
    if opset >= 10:
        count = graph.constant(node, 1)
        node.attributes["k"] = int(np.asarray(count).reshape(()))
        del node.inputs[1:]


def suppression(node: Node, graph: Graph, opset: int) -> None:
    """`most`: boxes of a class; `overlap`: from which on one goes; `least`: score that is kept."""
    values = [graph.constant(node, place) for place in (2, 3, 4)]
    most, overlap, least = (None if v is None else float(v.reshape(-1)[0]) for v in values)
    node.attributes |= {
        "most": min(int(most or 0), graph.shapes[node.inputs[1]][2]),
        "overlap": overlap or 0.0,
        "least": -np.inf if least is None else least,
    }
    del node.inputs[2:]


def einsum(node: Node, graph: Graph, opset: int) -> None:
    """`terms`: the letters of each input's axes, `result` of the output's; "..." is written out."""
    text = node.attributes["equation"].decode().replace(" ", "")
    given, arrow, result = text.partition("->")
    terms = given.split(",")
    ranks = [len(graph.shapes[name]) for name in node.inputs]
    if len(terms) != len(ranks):
        raise node.fail(f"its equation {text!r} does not fit {len(ranks)} inputs")
    dots = max(
        rank - len(term) + 3 for rank, term in zip(ranks, terms, strict=True) if "..." in term
    ) if "..." in given else 0  # fmt: skip
    if not arrow:
        letters = sorted({*given} - {*",."})
        result = ("..." if dots else "") + "".join(one for one in letters if given.count(one) == 1)

    def spelt(term: str, count: int) -> list[str]:
        front, found, back = term.partition("...")
        middle = [f".{number}" for number in range(dots - count, dots)] if found else []
        return [*front, *middle, *back]

    node.attributes = {
        "terms": [spelt(t, rank - len(t) + 3) for t, rank in zip(terms, ranks, strict=True)],
        "result": spelt(result, dots),
    }


def _gather(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    (x, listed), axis = inputs, node.attributes["axis"]
    indices = graph.constants.get(node.inputs[1])
    inside = x[axis] > 0 or not prod(listed)
    if indices is not None and indices.size:
        inside = bool(-x[axis] <= indices.min() and indices.max() < x[axis])
    return inside and output == (*x[:axis], *listed, *x[axis + 1 :])


def _gather_elements(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x, listed = inputs
    axis = node.attributes["axis"]
    others = all(
        one <= side
        for place, (one, side) in enumerate(zip(listed, x, strict=True))
        if place != axis
    )
    return others and x[axis] > 0 and output == listed


def _gather_slices(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x, listed = inputs
    batch = int(node.attributes.get("batch_dims", 0))
    named = listed[-1]
    fits = 0 <= batch < len(listed) and 1 <= named <= len(x) - batch
    alike = x[:batch] == listed[:batch] and min(x[batch : batch + named]) > 0
    return fits and alike and output == (*listed[:-1], *x[batch + named :])


def _place_of_extreme(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x, axis = inputs[0], node.attributes["axis"]
    return x[axis] > 0 and prod(output) == prod(x) // x[axis]


def _top_k(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x, axis, count = inputs[0], node.attributes["axis"], node.attributes["k"]
    shapes = {graph.shapes[name] for name in node.outputs if name}
    return 1 <= count <= x[axis] and shapes == {(*x[:axis], count, *x[axis + 1 :])}


def _suppression(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    boxes, scores = inputs
    rows = scores[0] * scores[1] * node.attributes["most"]
    return (
        boxes == (scores[0], scores[2], 4) and node.attributes["most"] >= 0 and output == (rows, 3)
    )


def _grid_sample(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x, grid = inputs
    mode = node.attributes.get("mode", b"linear").decode()
    outside = node.attributes.get("padding_mode", b"zeros").decode()
    if mode not in GRID_MODES or outside not in GRID_PADDING:
        raise node.fail(f"mode={mode!r} with padding_mode={outside!r} is not supported")
    alike = len(x) == len(grid) >= 3 and x[0] == grid[0] and grid[-1] == len(x) - 2
    return alike and min(x) > 0 and output == (*x[:2], *grid[1:-1])


def _recurrent(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    """Weights, biases and states of sizes that fit the input's and one another's."""
    x, weight, recurrent = inputs[:3]
    if not len(x) == len(weight) == len(recurrent) == 3:
        return False
    by_series = bool(node.attributes.get("layout", 0))
    batch = x[0] if by_series else x[1]
    both = node.attributes.get("direction", b"forward") == b"bidirectional"
    directions, size, gates = 2 if both else 1, recurrent[2], GATES[node.op]
    state = (batch, directions, size) if by_series else (directions, batch, size)
    wanted = {
        1: (directions, gates * size, x[2]),
        2: (directions, gates * size, size),
        3: (directions, 2 * gates * size),
        4: (batch,),
        5: state,
        6: state,
        7: (directions, 3 * size),
    }
    return all(
        shape == wanted[place]
        for place, shape in enumerate(inputs)
        if place and node.inputs[place]
    ) and min(*x, size) > 0  # fmt: skip


def _sums_of_products(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    sides = dict[str, int]()
    for term, shape in zip(node.attributes["terms"], inputs, strict=True):
        for letter, side in zip(term, shape, strict=True):
            known = sides.get(letter, 1)
            if side not in (1, known) and known != 1:
                return False
            sides[letter] = max(side, known)
    result = node.attributes["result"]
    return output == tuple(sides[letter] for letter in result) and len({*result}) == len(result)


def _quantised(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x, *factors = inputs
    if node.attributes.get("block_size", 0):
        raise node.fail("scales by block are supported of constants alone")
    along = x[node.attributes["axis"]] if x else 1
    fits = all(
        len(shape) <= 1 and prod(shape) in (1, along)
        for name, shape in zip(node.inputs[1:], factors, strict=True)
        if name
    )
    return x == output and fits


CHOOSING: dict[str, Callable[[Node, Graph, list[Shape], Shape], bool]] = {
    **dict.fromkeys(("ArgMax", "ArgMin"), _place_of_extreme),
    **dict.fromkeys(("DequantizeLinear", "QuantizeLinear"), _quantised),
    "Einsum": _sums_of_products,
    **dict.fromkeys(GATES, _recurrent),
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_slices,
    "GridSample": _grid_sample,
    "NonMaxSuppression": _suppression,
    "TopK": _top_k,
}
