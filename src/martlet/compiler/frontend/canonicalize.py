"""One form for what ONNX has said in several ways over its operator sets.

Attributes that became inputs are attributes again, with every default filled in and every axis
counted from the front, so that the stages behind need to know one form only.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from martlet.compiler.frontend.choosing import einsum, suppression, top_k
from martlet.compiler.frontend.resize import normalise_resize
from martlet.compiler.ir.graph import WHOLE, Constant, Graph, Node

SOFTMAX = ("Softmax", "LogSoftmax", "Hardmax")
AXES = {"Concat": 1, "TopK": -1}  # operators with one axis, and which by default
AXES |= dict.fromkeys(("ArgMax", "ArgMin", "Gather", "GatherElements", "Split"), 0)
AXES |= dict.fromkeys(("DequantizeLinear", "QuantizeLinear"), 1)
AXES |= dict.fromkeys(("LayerNormalization", "LpNormalization", "RMSNormalization"), -1)
BROADCAST = (
    *("Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less"),
    "PRelu",
)


def normalise(node: Node, graph: Graph, opset: int) -> None:
    """Bring a node into the one form; MartletError when what it needs is computed at run time."""
    if node.op in AXES:
        _axis(node, graph)
    if node.op in FORMS:
        FORMS[node.op](node, graph, opset)
    elif node.op.startswith("Reduce"):
        _reduction(node, graph)
    elif node.op in BROADCAST and opset < 7:
        _old_broadcast(node, graph)
    if node.op == "Div" and graph.types.get(node.outputs[0]) in WHOLE:
        node.op = "IntegerDiv"


def _axis(node: Node, graph: Graph) -> None:
    rank = len(graph.shapes[node.inputs[0]])
    axis = int(node.attributes.get("axis", AXES[node.op]))
    if node.op in ("DequantizeLinear", "QuantizeLinear"):  # of one number the axis says nothing
        axis = axis if len(graph.shapes[node.inputs[1]]) == 1 < rank else 0
        rank = max(1, rank)
    (node.attributes["axis"],) = _from_front([axis], rank, node)


def _softmax(node: Node, graph: Graph, opset: int) -> None:
    rank = len(graph.shapes[node.inputs[0]])
    axis = int(node.attributes.get("axis", -1 if opset >= 13 else 1))
    node.attributes["axis"] = axis + rank if axis < 0 else axis
    node.attributes["flattened"] = int(opset < 13)  # all axes from `axis` on are one


def _shaped(node: Node, graph: Graph, opset: int) -> None:
    del node.inputs[1:]  # the shapes of the outputs say all that these did


def _dropout(node: Node, graph: Graph, opset: int) -> None:
    if not _trains(node, graph, opset):
        del node.inputs[1:]


def _axes(node: Node, graph: Graph, place: int, rank: int) -> list[int] | None:
    """The axes of an attribute or input, counted from the front; None when all are left open."""
    listed: Any = node.attributes.get("axes")
    if listed is None:
        listed = graph.constant(node, place)
    if listed is None:
        return None
    return _from_front([int(axis) for axis in np.asarray(listed).reshape(-1)], rank, node)


def _from_front(axes: list[int], rank: int, node: Node) -> list[int]:
    if any(not -rank <= axis < rank for axis in axes):
        raise node.fail(f"the axes {axes} do not exist; its input has {rank}")
    return [axis % rank for axis in axes]


def _reduction(node: Node, graph: Graph) -> None:
    rank = len(graph.shapes[node.inputs[0]])
    axes = _axes(node, graph, 1, rank)
    nothing = bool(node.attributes.get("noop_with_empty_axes", 0))
    node.attributes["axes"] = axes or ([] if nothing else list(range(rank)))
    del node.inputs[1:]


def _slice(node: Node, graph: Graph, opset: int) -> None:
    """`starts` and `steps` for every axis; how many are taken, the output's shape says."""
    shape = graph.shapes[node.inputs[0]]
    if "starts" in node.attributes:  # before operator set 10
        starts: Any = node.attributes["starts"]
        ends: Any = node.attributes["ends"]
        steps = None
    else:
        starts, ends, steps = (graph.constant(node, place) for place in (1, 2, 4))
    if starts is None or ends is None:
        raise node.fail("it does not say where to start and to end")
    axes = _axes(node, graph, 3, len(shape))
    axes = list(range(len(starts))) if axes is None else axes
    firsts, strides = [0] * len(shape), [1] * len(shape)
    steps = np.ones(len(starts), np.int64) if steps is None else steps
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        first, _, stride = slice(int(start), int(end), int(step)).indices(shape[axis])
        firsts[axis], strides[axis] = first, stride
    node.attributes = {"starts": firsts, "steps": strides}
    del node.inputs[1:]


def _pad(node: Node, graph: Graph, opset: int) -> None:
    """`pads`: for all axes in front, then for all behind; `value`, or a second input for it."""
    rank = len(graph.shapes[node.inputs[0]])
    if opset < 11:
        pads: Any = node.attributes["pads"]
        value = float(node.attributes.get("value", 0.0))
        axes = list(range(rank))
    else:
        pads, value = graph.constant(node, 1), 0.0
        if len(node.inputs) > 2 and node.inputs[2] in graph.constants:
            value = float(next(iter(graph.constants[node.inputs.pop(2)].reshape(-1)), 0.0))
            node.inputs.insert(2, "")
        listed = _axes(node, graph, 3, rank)
        axes = list(range(rank)) if listed is None else listed
    full = [0] * (2 * rank)
    for number, axis in enumerate(axes):
        full[axis], full[rank + axis] = int(pads[number]), int(pads[len(axes) + number])
    mode = node.attributes.get("mode", b"constant").decode()
    node.attributes = {"pads": full, "value": value, "mode": mode}
    filler = node.inputs[2] if len(node.inputs) > 2 else ""  # known at run time only
    node.inputs = [node.inputs[0], filler] if filler else node.inputs[:1]


def _clip(node: Node, graph: Graph, opset: int) -> None:
    """The limits as inputs, as from operator set 11 on."""
    for place, key in enumerate(("min", "max"), start=1):
        if key not in node.attributes:
            continue
        name = f"{node.name} {key}"
        graph.constants[name] = np.array(node.attributes.pop(key), np.float32)
        graph.shapes[name], graph.types[name] = (), np.dtype(np.float32)
        node.inputs += [""] * (place + 1 - len(node.inputs))
        node.inputs[place] = name


def _old_broadcast(node: Node, graph: Graph) -> None:
    """Before operator set 7 the second input's first axis was named by `axis`."""
    rank, name = len(graph.shapes[node.inputs[0]]), node.inputs[1]
    axis = node.attributes.get("axis")
    if node.op == "PRelu":  # one slope, or one for each channel
        axis = 1
    elif not node.attributes.get("broadcast", 0) or axis is None:
        return
    sides = graph.shapes[name]
    behind = rank - int(axis) % max(1, rank) - len(sides)
    if behind <= 0:
        return
    if name not in graph.constants:
        raise node.fail("its second input must be a constant")
    widened: Constant = graph.constants[name].reshape(*sides, *[1] * behind)
    node.inputs = [node.inputs[0], f"{node.name} second"]
    graph.constants[node.inputs[1]] = widened
    graph.shapes[node.inputs[1]], graph.types[node.inputs[1]] = widened.shape, widened.dtype


def _trains(node: Node, graph: Graph, opset: int) -> bool:
    """Whether a Dropout really drops something."""
    if opset < 7:
        return not node.attributes.get("is_test", 0)
    mode = graph.constant(node, 2)
    return mode is not None and bool(np.asarray(mode).any())


FORMS: dict[str, Callable[[Node, Graph, int], None]] = {
    "Clip": _clip,
    "Dropout": _dropout,
    "Einsum": einsum,
    "NonMaxSuppression": suppression,
    "Pad": _pad,
    **dict.fromkeys(("Resize", "Upsample"), normalise_resize),
    **dict.fromkeys(("Expand", "Reshape", "Split", "Squeeze", "Tile", "Unsqueeze"), _shaped),
    "Slice": _slice,
    **dict.fromkeys(SOFTMAX, _softmax),
    "TopK": top_k,
}
