"""Rules of the fast layers, in blocks of channels; each says None to what is not its task."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import Node
from martlet.compiler.ir.operators import Activation, activation
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.ir.window import Window, window_of
from martlet.compiler.kernels.channelwise import Activate, Join, Mean
from martlet.compiler.kernels.depthwise_pool import Windowed
from martlet.compiler.kernels.interleave import Interleave
from martlet.compiler.kernels.interpolate import Interpolate
from martlet.compiler.kernels.nearest import Nearest
from martlet.compiler.lowering.context import SIGNS, Lowering, Rule
from martlet.compiler.lowering.conv_gemm import bias_of, linear, picture, product
from martlet.compiler.lowering.placewise import PLACEWISE
from martlet.compiler.lowering.views import concatenated


def _convolution(low: Lowering, node: Node) -> Maps | None:
    weight, bias = low.weight(node, 1), bias_of(low, node)
    if weight is None or bias is None or not 3 <= weight.ndim <= 5:
        return None
    x = low.channels(node.inputs[0])
    x = low.gathered(node, node.inputs[0]) if x is None else x
    if x is None:
        return None
    window = window_of(low.graph, node, weight.shape[2:])
    groups, batch = int(node.attributes.get("group", 1)), x.axes[0]
    if groups == len(weight) == x.axes[1] and "gate" not in node.attributes:
        return _depthwise(low, node, x, weight, bias, window)
    parts = [
        product(low, node, picture(x, number), weight, bias, groups, window, number)
        for number in range(batch)
    ]
    return concatenated(parts, 0)


def _depthwise(
    low: Lowering, node: Node, x: Maps, weight: NDArray[Any], bias: NDArray[Any], window: Window
) -> Maps:
    batch = x.axes[0]
    x = low.in_blocks(node, x)
    y = blocks_like(low, x, window.spatial)
    weight = np.tile(weight, (batch, *[1] * (weight.ndim - 1)))
    bias, act = np.tile(bias, batch), node.attributes.get("act")
    low.add(Windowed(node.name, x, y, window, "depthwise", weight=weight, bias=bias, act=act))
    made = x.beside(y)
    if "add" not in node.attributes:
        return made
    added = low.channels(node.attributes["add"])
    added = low.placed(node.attributes["add"]) if added is None else added
    return _joined(low, node, made, added, "+", node.attributes.get("act_after"))


def _scale_shift(low: Lowering, node: Node) -> Maps | None:
    """Each channel times a number, plus another: a depthwise convolution of one place."""
    x, scale, shift = low.channels(node.inputs[0]), low.weight(node, 1), low.weight(node, 2)
    if x is None or scale is None or shift is None or x.lanes == 1 or not 1 <= len(x.spatial) <= 3:
        return None
    ones = (1,) * len(x.spatial)
    window = window_of(low.graph, node, ones)
    return _depthwise(low, node, x, scale.reshape(-1, 1, *ones), shift, window)


def blocks_like(low: Lowering, x: Maps, spatial: tuple[int, ...]) -> Buffer:
    """Memory with a block for each block of `x`."""
    return low.program.buffer(len(x.blocks()) * low.program.lanes, spatial)


def _pool(low: Lowering, node: Node) -> Maps | None:
    x = low.channels(node.inputs[0])
    if x is None or any(node.outputs[1:]) or not 1 <= len(x.spatial) <= 3:
        return None
    padded = bool(node.attributes.get("count_include_pad", 0))
    if padded and node.attributes.get("ceil_mode", 0):
        return None  # windows that stick out of the padding count less
    window = window_of(low.graph, node, tuple(node.attributes["kernel_shape"]))
    x = low.in_blocks(node, x)
    y = blocks_like(low, x, window.spatial)
    kind: Any = {"MaxPool": "max", "AveragePool": "average"}[node.op]
    act = node.attributes.get("act")
    low.add(Windowed(node.name, x, y, window, kind, count_padding=padded, act=act))
    return x.beside(y)


def _mean(low: Lowering, node: Node) -> Maps | None:
    x = low.channels(node.inputs[0])
    if x is None or low.is_in_rows(x) or not x.spatial:
        return None
    x = low.in_blocks(node, x)
    y = blocks_like(low, x, (1,) * (len(low.shape(node)) - 2))
    low.add(Mean(node.name, x, y))
    return x.beside(y)


def _activate(low: Lowering, node: Node) -> Maps | None:
    x, act = low.maps.get(node.inputs[0]), activation(low.graph, node)
    if x is None or low.is_in_rows(x) or act is None:
        return None
    x = low.in_blocks(node, x)
    y = blocks_like(low, x, x.spatial)
    low.add(Activate(node.name, x, y, act))
    return x.beside(y)


def _nearest(low: Lowering, node: Node) -> Maps | None:
    """Maps in blocks, resized along their rows and columns; all places come from within."""
    if "taps" in node.attributes:
        return _interpolated(low, node)
    x, places = low.channels(node.inputs[0]), node.attributes["places"]
    if x is None or low.is_in_rows(x) or len(x.spatial) not in (1, 2) or places[:2] != [None] * 2:
        return None
    sides = [(1, None)] if len(x.spatial) == 1 else []
    sides += zip(x.spatial, places[2:], strict=True)
    rows, columns = ([*range(side)] if listed is None else listed for side, listed in sides)
    if min((*rows, *columns), default=-1) < 0:
        return None
    x = low.in_blocks(node, x)
    y = blocks_like(low, x, low.shape(node)[2:])
    low.add(Nearest(node.name, x, y, rows, columns))
    return x.beside(y)


def _interpolated(low: Lowering, node: Node) -> Maps | None:
    """The same by weighed sums, along the axis first that grows least."""
    x, taps = low.channels(node.inputs[0]), node.attributes["taps"]
    if x is None or low.is_in_rows(x) or not 1 <= len(x.spatial) <= 3 or taps[:2] != [None] * 2:
        return None
    out = low.shape(node)[2:]
    grown = {
        axis: out[axis] / max(1, x.spatial[axis])
        for axis, own in enumerate(taps[2:])
        if own is not None
    }
    axes = sorted(grown, key=grown.__getitem__)
    for axis in axes:
        x = low.in_blocks(node, x)
        y = blocks_like(low, x, (*x.spatial[:axis], out[axis], *x.spatial[axis + 1 :]))
        value = node.attributes["value"]
        name = node.name if axis == axes[-1] else f"{node.name} axis {axis}"
        low.add(Interpolate(name, x, y, axis, taps[2 + axis], value))
        x = x.beside(y)
    return x


def _interleaved(low: Lowering, node: Node) -> Maps | None:
    """Maps in blocks laid into one another; channels lie as those of the first part."""
    parts = [low.channels(name) for name in node.inputs]
    known = [part for part in parts if part is not None and not low.is_in_rows(part)]
    if len(known) != len(parts):
        return None
    x = low.in_blocks(node, known[0])
    y = blocks_like(low, x, low.shape(node)[2:])
    others = [_aligned(low, node, x, part) for part in known[1:]]
    low.add(Interleave(node.name, [x, *others], y, node.attributes["strides"]))
    return x.beside(y)


def _join(low: Lowering, node: Node) -> Maps | None:
    """Two tensors of one shape, or one with a value for each of its channels."""
    if len(node.inputs) != 2:
        return None
    first, second = (low.channels(name) for name in node.inputs)
    if first is None or second is None or (low.is_in_rows(first) and low.is_in_rows(second)):
        return None
    if first.places < second.places and node.op in ("Add", "Mul"):
        first, second = second, first
    by_channel_alone = second.axes == first.axes and set(second.spatial) <= {1}
    if first.shape != second.shape and not by_channel_alone:
        return None
    if len(first.shape) != len(second.shape):
        return None
    return _joined(low, node, first, second, SIGNS[node.op], node.attributes.get("act"))


def _joined(
    low: Lowering, node: Node, first: Maps, second: Maps, sign: str, act: Activation | None
) -> Maps:
    x = low.in_blocks(node, first)
    other = _aligned(low, node, x, second)
    y = blocks_like(low, x, x.spatial)
    low.add(Join(node.name, x, other, y, sign, act))
    return x.beside(y)


def _aligned(low: Lowering, node: Node, x: Maps, other: Maps) -> Maps:
    """`other` with its channels in the lanes in which `x` has them; copied when they are not."""
    if other.is_blocked(low.program.lanes) and x.positions() == other.positions():
        return other
    low.slots.wish(low.program, other, x.positions())
    y = blocks_like(low, x, other.spatial)
    beside_x = x.beside(y)
    target = Maps((y,), beside_x.where.reshape(*other.axes, 3), other.spatial)
    low.copy(f"{node.name} aligned", other, target)
    return target


VECTOR_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("Celu", "Clip", "Elu", "Gelu", "HardSigmoid", "HardSwish"), _activate),
    **dict.fromkeys(("LeakyRelu", "Mish", "Relu", "Selu", "Sigmoid", "Softplus"), _activate),
    **dict.fromkeys(("Swish", "Tanh"), _activate),
    **dict.fromkeys(("AveragePool", "MaxPool"), _pool),
    **dict.fromkeys(("Gemm", "MatMul"), linear),
    **dict.fromkeys(SIGNS, _join),
    "Conv": _convolution,
    "GlobalAveragePool": _mean,
    "Interleaved": _interleaved,
    **dict.fromkeys(("Resize", "Upsample"), _nearest),
    "ScaleShift": _scale_shift,
    **PLACEWISE,
}
