"""Rules of LSTM, GRU and RNN: a product for all time steps, then what goes step by step."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import Node, Shape
from martlet.compiler.ir.operators import GATES
from martlet.compiler.kernels.generic import Rearrange, Rows, row_steps, rows_of
from martlet.compiler.kernels.recurrent import Recurrent
from martlet.compiler.lowering.context import Lowering, Rule
from martlet.compiler.lowering.generic_products import product_of

Array = NDArray[Any]
# As ONNX has them, for each direction.
ACTIVATIONS = {
    "RNN": [b"Tanh"], "GRU": [b"Sigmoid", b"Tanh"], "LSTM": [b"Sigmoid", b"Tanh", b"Tanh"],
}  # fmt: skip


def _recurrent(low: Lowering, node: Node) -> Mapping[str, Rows]:
    """All directions; y, the last states, and of an LSTM the last cells."""
    _check(low, node)
    by_series = bool(node.attributes.get("layout", 0))  # series first, time steps behind
    x = low.rows(node.inputs[0])
    if by_series:
        x = low.made(Rearrange(f"{node.name} by time", [(x.permuted((1, 0, 2)), 0)],
                               low.result((x.shape[1], x.shape[0], x.shape[2]))))  # fmt: skip
    steps, batch = x.shape[:2]
    weights = low.graph.constants[node.inputs[2]]
    size, directions = weights.shape[2], len(weights)
    ways = _directions(node)
    made = [_direction(low, node, x, n, backwards=way) for n, way in enumerate(ways)]
    states = steps * batch * size
    last = [0 if backwards else states - batch * size for backwards in ways]
    all_steps, one = (steps, batch, size), (batch, size)
    parts: list[tuple[Shape, list[Rows]]] = [
        (all_steps, [rows_of(y.source, all_steps) for y in made]),
        (one, [rows_of(y.source, one, at) for y, at in zip(made, last, strict=True)]),
        (one, [rows_of(y.source, one, states) for y in made]),
    ]
    found = {}
    for name, (shape, pieces) in zip(node.outputs, parts, strict=False):
        if name:
            found[name] = _joined(low, f"{node.name} {name}", shape, pieces, directions, by_series)
    return found


def _check(low: Lowering, node: Node) -> None:
    given = node.attributes
    lengths = node.inputs[4] if len(node.inputs) > 4 else ""
    steps = low.graph.shapes[node.inputs[0]][1 if given.get("layout", 0) else 0]
    if lengths and (
        lengths not in low.graph.constants or (low.graph.constants[lengths] != steps).any()
    ):
        raise node.fail("all series must have the same length, the input's")
    usual = ACTIVATIONS[node.op] * len(_directions(node))
    if given.get("activations", usual) != usual:
        names = ", ".join(word.decode() for word in ACTIVATIONS[node.op])
        raise node.fail(f"other activations than {names} are not supported")
    for word in ("clip", "input_forget"):
        if given.get(word, 0):
            raise node.fail(f"{word}={given[word]} is not supported")
    for place in (1, 2, 3, 7):
        if place < len(node.inputs) and node.inputs[place]:
            low.graph.constant(node, place)


def _directions(node: Node) -> list[bool]:
    """Of each direction whether it goes backwards."""
    word = node.attributes.get("direction", b"forward")
    return {b"forward": [False], b"reverse": [True], b"bidirectional": [False, True]}[word]


def _direction(low: Lowering, node: Node, x: Rows, number: int, *, backwards: bool) -> Rows:
    """The states of one direction, and what lies behind them."""
    constants = low.graph.constants
    weight, recurrent = (constants[name][number] for name in node.inputs[1:3])
    size = recurrent.shape[1]
    gates = GATES[node.op] * size
    bias = np.zeros(2 * gates, np.float32)
    if len(node.inputs) > 3 and node.inputs[3]:
        bias = constants[node.inputs[3]][number].copy()
    of_input, of_state = np.split(bias, 2)
    kind, rest = node.op, dict[str, Array]()
    if node.op == "GRU" and node.attributes.get("linear_before_reset", 0):
        kind = "GRU, reset behind the product"
        rest = {"w": recurrent.T, "bias": of_state[2 * size :].copy()}
        of_state[2 * size :] = 0
    elif node.op == "GRU":
        rest = {"w": recurrent[: 2 * size].T, "candidate": recurrent[2 * size :].T}
    elif node.op == "LSTM" and len(node.inputs) > 7 and node.inputs[7]:
        kind = "LSTM with peepholes"
        rest = {"w": recurrent.T, "peepholes": constants[node.inputs[7]][number]}
    else:
        rest = {"w": recurrent.T}
    steps, batch, inputs = x.shape
    name = f"{node.name} backwards" if backwards else node.name
    columns = rows_of(np.ascontiguousarray(weight.T), (inputs, gates))
    added = of_input + of_state
    products = product_of(
        low, f"{name} inputs", x.reshaped((steps * batch, inputs)), columns,
        rows_of(added, (gates,)),
    )  # fmt: skip
    given = {"x": products}
    for word, place in (("h", 5), ("cells", 6)):
        if place < len(node.inputs) and node.inputs[place]:
            given[word] = _start(low, node, f"{name} {word}", place, number)
    given |= {
        word: rows_of(np.ascontiguousarray(value), value.shape) for word, value in rest.items()
    }
    if "h" not in given:
        given["h"] = rows_of(np.zeros((batch, size), np.float32), (batch, size))
    y = low.result((steps * batch * size + batch * size + gates,))
    sides = (steps, batch, size)
    return low.made(Recurrent(name, kind, given, sides, y, backwards=backwards))


def _start(low: Lowering, node: Node, name: str, place: int, number: int) -> Rows:
    """The states or cells of a direction before the first step, (batch, n) row by row."""
    rows = low.rows(node.inputs[place])
    axis = 1 if node.attributes.get("layout", 0) else 0
    batch, size = (side for one, side in enumerate(rows.shape) if one != axis)
    steps = tuple(step for one, step in enumerate(rows.steps) if one != axis)
    part = Rows(rows.source, (batch, size), steps, rows.start + number * rows.steps[axis])
    if steps == row_steps((batch, size)):
        return part
    return low.made(Rearrange(name, [(part, 0)], low.result((batch, size))))


def _joined(
    low: Lowering, name: str, shape: Shape, pieces: list[Rows], directions: int, by_series: bool
) -> Rows:
    """The directions' results as ONNX lays them out."""
    full = (*shape[:-2], directions, *shape[-2:])
    order = list(range(len(full)))
    if by_series:  # (batch, steps, directions, n), (batch, directions, n)
        order = [2, 0, 1, 3] if len(full) == 4 else [1, 0, 2]
    if directions == 1 and not by_series:
        return pieces[0].reshaped(full)
    sides = tuple(full[axis] for axis in order)
    y = low.result(sides)
    steps = row_steps(sides)
    axis = order.index(len(shape) - 2)
    widened = []
    for number, rows in enumerate(pieces):
        at = len(shape) - 2
        one = Rows(
            rows.source, (*rows.shape[:at], 1, *rows.shape[at:]),
            (*rows.steps[:at], 0, *rows.steps[at:]), rows.start,
        )  # fmt: skip
        widened.append((one.permuted(order), number * steps[axis]))
    return low.made(Rearrange(name, widened, y))


RECURRENT: Mapping[str, Rule] = dict.fromkeys(("GRU", "LSTM", "RNN"), _recurrent)
