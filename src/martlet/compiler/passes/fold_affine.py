"""Scale and shift by channel, however it is written: folded into convolutions, or one layer.

Batch normalisation, and sums, differences, products and quotients with a constant that is one
number or one per channel, are all y = scale · x + shift.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import Constant, Graph, Node, Shape
from martlet.compiler.ir.operators import Activation, activation

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """What a node does to each channel of its input `x`."""

    x: str
    scale: Values
    shift: Values


def fold_scales(graph: Graph) -> None:
    """Into the convolution before, or the scale before; else it becomes the node ScaleShift."""
    makers, used = graph.producers(), graph.uses()
    gone = set()
    for node in graph.nodes:
        with np.errstate(all="ignore"):
            found = scale_of(graph, node)
        if found is None or not np.isfinite((found.scale, found.shift)).all():
            continue
        maker = makers.get(found.x)
        alone = maker is not None and used[found.x] == 1
        if maker is not None and alone and maker.op in ("Conv", "ConvTranspose", "ScaleShift"):
            folded = _into(graph, maker, found)
            if folded:
                maker.outputs = node.outputs
                makers[node.outputs[0]] = maker
                gone.add(id(node))
                continue
        node.op = "ScaleShift"
        node.inputs = [found.x, *_constants(graph, node, found.scale, found.shift)]
        node.attributes = {}
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]


def scale_of(graph: Graph, node: Node) -> Scale | None:
    """The scale and shift of a node, in double; None for all others."""
    if node.op == "BatchNormalization":
        return _norm(graph, node)
    if node.op not in ("Add", "Sub", "Mul", "Div") or len(node.inputs) != 2:
        return None
    known = [name in graph.constants for name in node.inputs]
    if sum(known) != 1 or graph.types[node.outputs[0]] != np.float32:
        return None
    name, x = node.inputs[known.index(True)], node.inputs[known.index(False)]
    shape = graph.shapes[x]
    value = _by_channel(graph.constants[name], shape)
    if value is None or graph.shapes[node.outputs[0]] != shape or not np.isfinite(value).all():
        return None
    one, zero = np.ones_like(value), np.zeros_like(value)
    match node.op, known.index(True):
        case "Add", _:
            return Scale(x, one, value)
        case "Mul", _:
            return Scale(x, value, zero)
        case "Sub", place:
            return Scale(x, one, -value) if place else Scale(x, -one, value)
        case "Div", 1 if value.all():
            return Scale(x, 1 / value, zero)
    return None


def _by_channel(value: Constant, shape: Shape) -> Values | None:
    """A constant that is broadcast to a shape, as one value for each channel (the second axis)."""
    if len(shape) < 2 or value.ndim > len(shape):
        return None
    sides = (1,) * (len(shape) - value.ndim) + value.shape
    if any(side != 1 for axis, side in enumerate(sides) if axis != 1):
        return None
    return np.broadcast_to(value.astype(np.float64).reshape(-1), (shape[1],))


def _norm(graph: Graph, node: Node) -> Scale | None:
    """Batch normalisation with statistics that are known."""
    given = node.attributes
    names = node.inputs[1:5]
    trains = given.get("training_mode", 0) or any(node.outputs[1:]) or not given.get("spatial", 1)
    if trains or len(names) != 4 or any(name not in graph.constants for name in names):
        return None
    gain, shift, mean, variance = (graph.constants[name].astype(np.float64) for name in names)
    factor = gain / np.sqrt(variance + given.get("epsilon", 1e-5))
    return Scale(node.inputs[0], factor, shift - mean * factor)


def _into(graph: Graph, maker: Node, found: Scale) -> bool:
    """Fold into a convolution or scale; False when its own values are not known."""
    names = [name for name in maker.inputs[1:3] if name]
    fused = any(word in maker.attributes for word in ("act", "add", "gate"))
    if fused or any(name not in graph.constants for name in names):
        return False
    weight = graph.constants[maker.inputs[1]]
    before: Any = graph.constants[maker.inputs[2]] if len(names) > 1 else np.zeros(1)
    sides = (-1, *[1] * (weight.ndim - 1))
    by_output = found.scale.reshape(sides)
    if maker.op == "ConvTranspose":  # its inputs are the first axis, outputs of a group the second
        groups, (inputs, each) = int(maker.attributes.get("group", 1)), weight.shape[:2]
        of_groups = np.repeat(found.scale.reshape(groups, each), inputs // groups, axis=0)
        by_output = of_groups.reshape(inputs, each, *sides[2:])
    with np.errstate(all="ignore"):
        scaled = weight.astype(np.float64) * by_output
        shifted = found.shift + before.astype(np.float64) * found.scale
    limit = np.finfo(np.float32).max
    if not (np.abs(scaled) <= limit).all() or not (np.abs(shifted) <= limit).all():
        return False
    maker.inputs = [maker.inputs[0], *_constants(graph, maker, scaled, shifted)]
    return True


def _constants(graph: Graph, node: Node, *values: Values) -> list[str]:
    """New constants for a node."""
    names = []
    for word, value in zip(("scale", "shift"), values, strict=True):
        name = f"{node.name} {word} {len(graph.constants)}"
        with np.errstate(all="ignore"):
            graph.constants[name] = value.astype(np.float32)
        graph.shapes[name], graph.types[name] = value.shape, np.dtype(np.float32)
        names.append(name)
    return names


def old_hard_swishes(graph: Graph) -> None:
    """clip(x + 3, 0, 6) / 6 is HardSigmoid, x · clip(x + 3, 0, 6) / 6 is HardSwish."""
    makers, readers, used = graph.producers(), graph.consumers(), graph.uses()
    gone = set()
    for clip in graph.nodes:
        shifted = makers.get(clip.inputs[0]) if clip.op == "Clip" else None
        limits = Activation("clip", 0, 6)
        if shifted is None or used[clip.inputs[0]] != 1 or activation(graph, clip) != limits:
            continue
        plus = scale_of(graph, shifted)
        if plus is None or set(plus.scale) != {1} or set(plus.shift) != {3}:
            continue
        path, last = [shifted, clip], clip
        while used[last.outputs[0]] == 1 and last.outputs[0] not in graph.outputs and len(path) < 4:
            follower = readers[last.outputs[0]][0]
            scale = scale_of(graph, follower)
            sixth = scale is not None and not scale.shift.any()
            if scale is not None and sixth and np.allclose(scale.scale, 1 / 6, atol=1e-7):
                follower.op = "HardSigmoid" if last is clip else "HardSwish"
                follower.inputs = [plus.x]
                follower.attributes = {"alpha": 1 / 6, "beta": 0.5} if last is clip else {}
                gone |= {id(node) for node in path}
                break
            if last is not clip or follower.op != "Mul" or plus.x not in follower.inputs:
                break
            path.append(follower)
            last = follower
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]


def merge_pads(graph: Graph) -> None:
    """Zeros around maps become the padding of the window behind them."""
    makers, used = graph.producers(), graph.uses()
    for node in graph.nodes:
        pad = makers.get(node.inputs[0]) if node.op in ("Conv", "AveragePool") else None
        if pad is None or pad.op != "Pad" or used[node.inputs[0]] != 1 or len(pad.inputs) > 1:
            continue
        pads, given = pad.attributes["pads"], node.attributes
        rank = len(pads) // 2
        outside = [*pads[:2], *pads[rank : rank + 2]]
        zeros = pad.attributes["mode"] == "constant" and pad.attributes["value"] == 0
        auto = given.get("auto_pad", b"NOTSET") != b"NOTSET"
        if any(outside) or min(pads) < 0 or not zeros or auto:
            continue
        own = list(given.get("pads") or [0] * (2 * rank - 4))
        if node.op == "AveragePool":
            if given.get("ceil_mode", 0) or (any(own) and not given.get("count_include_pad", 0)):
                continue
            given["count_include_pad"] = 1
        more = [*pads[2:rank], *pads[rank + 2 :]]
        given["pads"] = [a + b for a, b in zip(own, more, strict=True)]
        node.inputs[0] = pad.inputs[0]
        pad.outputs = [f"{pad.outputs[0]} unused"]


def flush_weights(graph: Graph) -> None:
    """Weights too small for a normal number (below 1.2e-38), as decay leaves them, become zero.

    Many processors are slow with such numbers, and with those that are made of them.
    """
    for node in graph.nodes:
        for name in node.inputs[1:] if node.op in ("Conv", "Gemm", "MatMul", "ScaleShift") else ():
            values = graph.constants.get(name)
            if values is None or values.dtype != np.float32:
                continue
            tiny = (np.abs(values) < np.finfo(np.float32).smallest_normal) & (values != 0)
            if tiny.any():
                graph.constants[name] = np.where(tiny, np.float32(0), values)
