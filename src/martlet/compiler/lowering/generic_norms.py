"""Rules of reductions and normalisations, put together from generic layers."""

from collections.abc import Mapping
from math import prod

import numpy as np

from martlet.compiler.ir.graph import Node, Shape
from martlet.compiler.ir.window import Sliding
from martlet.compiler.kernels.activations import activated, number
from martlet.compiler.kernels.generic import Rows
from martlet.compiler.kernels.generic_reduce import KINDS, Reduce
from martlet.compiler.kernels.generic_window import GenericPool
from martlet.compiler.kernels.row_norm import RowNorm, RowSoftmax
from martlet.compiler.lowering.context import Lowering, Rule


def reduced(low: Lowering, name: str, kind: str, x: Rows, axes: list[int]) -> Rows:
    """Add a reduction; the axes stay, with one value."""
    shape = tuple(1 if axis in axes else side for axis, side in enumerate(x.shape))
    return low.made(Reduce(name, kind, x, axes, low.result(shape)))


def _reduce(low: Lowering, node: Node) -> Rows:
    kind, x = node.op.removeprefix("Reduce"), low.rows(node.inputs[0])
    axes = node.attributes["axes"]
    if kind != "LogSumExp":
        return reduced(low, node.name, kind, x, axes)
    most = reduced(low, f"{node.name} max", "Max", x, axes)
    # an infinite maximum must not make NaN of the differences
    most = low.calculate(f"{node.name} finite", "isinf({0}) ? 0 : {0}", [most], most.shape)
    powers = low.calculate(f"{node.name} exp", "one_exp({0} - {1})", [x, most], x.shape)
    total = reduced(low, f"{node.name} sum", "Sum", powers, axes)
    return low.calculate(f"{node.name} log", "one_log({0}) + {1}", [total, most], most.shape)


def _global_pool(low: Lowering, node: Node) -> Rows:
    x, kind = low.rows(node.inputs[0]), {"GlobalMaxPool": "Max", "GlobalAveragePool": "Mean"}
    return reduced(low, node.name, kind[node.op], x, list(range(2, len(x.shape))))


def _softmax(low: Lowering, node: Node) -> Rows:
    x, axis = low.rows(node.inputs[0]), node.attributes["axis"]
    if node.attributes["flattened"]:
        x = x.reshaped((prod(x.shape[:axis]), prod(x.shape[axis:])))
        axis = 1
    name = node.name
    if axis == len(x.shape) - 1 and x.shape[axis]:
        y = low.result(x.shape)
        return low.made(RowSoftmax(name, x, y, log=node.op == "LogSoftmax"))
    most = reduced(low, f"{name} max", "Max", x, [axis])
    powers = low.calculate(f"{name} exp", "one_exp({0} - {1})", [x, most], x.shape)
    total = reduced(low, f"{name} sum", "Sum", powers, [axis])
    if node.op == "Softmax":
        return low.calculate(name, "{0} / {1}", [powers, total], x.shape)
    return low.calculate(name, "{0} - {1} - one_log({2})", [x, most, total], x.shape)


def _by_channel(low: Lowering, name: str, x: Rows) -> Rows:
    """A value for each channel, as it is broadcast to `x`."""
    return low.rows(name).reshaped((x.shape[1], *[1] * (len(x.shape) - 2)))


def _batch_norm(low: Lowering, node: Node) -> Rows | None:
    """Scale and shift by channel, with statistics that are given."""
    by_value = not node.attributes.get("spatial", 1)
    if node.attributes.get("training_mode", 0) or any(node.outputs[1:]) or by_value:
        raise node.fail("only the form for inference is supported")
    x = low.rows(node.inputs[0])
    values = [_by_channel(low, name, x) for name in node.inputs[1:]]
    epsilon = number(node.attributes.get("epsilon", 1e-5))
    text = f"({{0}} - {{3}}) / sqrtf({{4}} + {epsilon}) * {{1}} + {{2}}"
    return low.calculate(node.name, text, [x, *values], x.shape)


def _scale_shift(low: Lowering, node: Node) -> Rows:
    """Each channel times a number, plus another, as `scales` makes it."""
    x = low.rows(node.inputs[0])
    words, operands = [], [x]
    for name in node.inputs[1:]:
        value = low.graph.constants[name]
        if np.ptp(value) == 0:  # one number for all
            words.append(number(float(value[0])))
            continue
        words.append(f"{{{len(operands)}}}")
        operands.append(_by_channel(low, name, x))
    text = activated(f"{{0}} * {words[0]} + {words[1]}", node.attributes.get("act"))
    return low.calculate(node.name, text, operands, x.shape)


def normalised(
    low: Lowering, name: str, x: Rows, axes: list[int], epsilon: float, *, centred: bool = True
) -> tuple[Rows, Rows, Rows]:
    """`x` with mean 0 (if centred) and variance 1 along some axes; the mean; 1 / deviation."""
    mean = x
    if centred:
        mean = reduced(low, f"{name} mean", "Mean", x, axes)
        x = low.calculate(f"{name} centred", "{0} - {1}", [x, mean], x.shape)
    squares = reduced(low, f"{name} squares", "SumSquare", x, axes)
    count = prod(x.shape[axis] for axis in axes)
    text = f"1 / sqrtf({{0}} / {count} + {number(epsilon)})"
    scale = low.calculate(f"{name} scale", text, [squares], squares.shape)
    return low.calculate(f"{name} scaled", "{0} * {1}", [x, scale], x.shape), mean, scale


def _affine(low: Lowering, node: Node, x: Rows, given: list[Rows]) -> Rows:
    """`x` times the first operand and plus the second, as far as they are given."""
    text = ["{0}", "{0} * {1}", "{0} * {1} + {2}"][len(given)]
    return low.calculate(node.name, text, [x, *given], x.shape)


def _layer_norm(low: Lowering, node: Node) -> Mapping[str, Rows]:
    """Outputs: the normalised tensor, the means, 1 / the deviations."""
    x = low.rows(node.inputs[0])
    epsilon = node.attributes.get("epsilon", 1e-5)
    axis: int = node.attributes["axis"]
    axes = list(range(axis, len(x.shape)))
    centred = node.op == "LayerNormalization"
    plain = low.graph.shapes[node.outputs[0]] == x.shape and not any(node.outputs[1:])
    affine = [low.rows(name) for name in node.inputs[1:] if name]
    own, count = x.shape[axis:], prod(x.shape[axis:])
    by_place = all(rows.shape[-len(own) :] == own and prod(rows.shape) == count for rows in affine)
    if plain and 0 not in x.shape and by_place:
        flat = x.reshaped((prod(x.shape[:axis]), count))
        made = RowNorm(
            node.name, flat, affine, "place", low.result(flat.shape), epsilon=epsilon,
            centred=centred,
        )  # fmt: skip
        return {node.outputs[0]: low.made(made).reshaped(x.shape)}
    found, mean, scale = normalised(low, node.name, x, axes, epsilon, centred=centred)
    found = _affine(low, node, found, affine)
    return dict(zip(node.outputs, (found, mean, scale), strict=False))


def _instance_norm(low: Lowering, node: Node) -> Rows:
    x = low.rows(node.inputs[0])
    flat = x.reshaped((prod(x.shape[:2]), prod(x.shape[2:])))
    given = [low.rows(name) for name in node.inputs[1:3]]
    epsilon = node.attributes.get("epsilon", 1e-5)
    made = RowNorm(node.name, flat, given, "row", low.result(flat.shape), epsilon=epsilon)
    return low.made(made).reshaped(x.shape)


def _group_norm(low: Lowering, node: Node) -> Rows:
    x, groups = low.rows(node.inputs[0]), int(node.attributes["num_groups"])
    batch, channels, *sides = x.shape
    grouped = x.reshaped((batch, groups, channels // groups * prod(sides)))
    epsilon = node.attributes.get("epsilon", 1e-5)
    flat = grouped.reshaped((batch * groups, grouped.shape[2]))
    name = f"{node.name} groups"
    found = low.made(RowNorm(name, flat, [], "row", low.result(flat.shape), epsilon=epsilon))
    shape: Shape = (batch, groups, channels // groups, prod(sides))
    given = []
    for name in node.inputs[1:3]:
        rows = low.rows(name)
        by_group = rows.shape == (groups,) != (channels,)  # before operator set 21
        own = (groups, 1, 1) if by_group else (groups, channels // groups, 1)
        given.append(rows.reshaped(own))
    return _affine(low, node, found.reshaped(shape), given).reshaped(x.shape)


def _mean_variance(low: Lowering, node: Node) -> Rows:
    x = low.rows(node.inputs[0])
    axes = [int(axis) % len(x.shape) for axis in node.attributes.get("axes", (0, 2, 3))]
    return normalised(low, node.name, x, axes, 1e-9)[0]


def _lp_normalization(low: Lowering, node: Node) -> Rows:
    x = low.rows(node.inputs[0])
    kind = {1: "L1", 2: "L2"}[int(node.attributes.get("p", 2))]
    norm = reduced(low, f"{node.name} norm", kind, x, [node.attributes["axis"]])
    text = "{1} == 0 ? 0 : {0} / {1}"
    return low.calculate(node.name, text, [x, norm], x.shape)


def _local_response(low: Lowering, node: Node) -> Rows:
    """x / (bias + alpha / size · Σ x² over neighbouring channels) ^ beta."""
    x, size = low.rows(node.inputs[0]), int(node.attributes["size"])
    channels, places = x.shape[1], prod(x.shape[2:])
    before = (size - 1) // 2
    window = Sliding(
        (channels, places), (size, 1), (1, 1), (before, 0), (size - 1 - before, 0), (1, 1),
        (channels, places),
    )  # fmt: skip
    name = f"{node.name} squares"
    squares = low.made(GenericPool(name, x, window, "squares", low.result(x.shape)))
    scale = number(node.attributes.get("alpha", 1e-4) / size)
    bias, beta = (number(node.attributes.get(k, d)) for k, d in (("bias", 1.0), ("beta", 0.75)))
    text = f"{{0}} / powf({bias} + {scale} * {{1}}, {beta})"
    return low.calculate(node.name, text, [x, squares], x.shape)


REDUCED = (*(kind for kind in KINDS if kind != "SumExp"), "LogSumExp")
NORMS: Mapping[str, Rule] = {
    **{f"Reduce{kind}": _reduce for kind in REDUCED},
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), _global_pool),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), _layer_norm),
    **dict.fromkeys(("LogSoftmax", "Softmax"), _softmax),
    "BatchNormalization": _batch_norm,
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _instance_norm,
    "LRN": _local_response,
    "LpNormalization": _lp_normalization,
    "MeanVarianceNormalization": _mean_variance,
    "ScaleShift": _scale_shift,
}
