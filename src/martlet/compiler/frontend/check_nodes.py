"""Whether a node's attributes and shapes fit together, for what onnx's inference lets through.

The C code trusts shapes: here is the place where nothing is trusted.
"""

from collections.abc import Callable
from math import prod

import numpy as np

from martlet.compiler.frontend.choosing import CHOOSING
from martlet.compiler.ir.graph import Graph, Node, Shape
from martlet.compiler.ir.operators import BINARY, UNARY, WITH_ATTRIBUTES
from martlet.compiler.ir.window import sliding
from martlet.errors import MartletError, shortened

BROADCAST = {*BINARY, *UNARY, *WITH_ATTRIBUTES, "Clip", "Max", "Mean", "Min", "Mod", "Sum", "Where"}
BROADCAST -= {"Cast", "CastLike", "Identity"}
SAME_SHAPE = ("Cast", "CastLike", "Dropout")
SAME_COUNT = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")
ATTRIBUTE_LIMIT = 1 << 31


def validate(node: Node, graph: Graph) -> None:
    """Raises MartletError with the node's name when something does not fit."""
    named = [*node.inputs, *node.outputs[:1]]
    if any(name and name not in graph.shapes for name in named) or not node.inputs:
        raise node.fail("a shape of its inputs is not known beforehand")
    _check_numbers(node)
    inputs = [graph.shapes[name] if name else () for name in node.inputs]
    output = graph.shapes.get(node.outputs[0], ())
    if not inputs or (not node.outputs[0] and node.op != "Dropout"):
        return
    try:
        fits = _fits(node, graph, inputs, output)
    except MartletError:
        raise
    except (IndexError, KeyError, ValueError, TypeError, ZeroDivisionError, OverflowError) as error:
        raise node.fail(f"its attributes do not fit ({shortened(str(error), 80)})") from error
    if not fits:
        shapes = ", ".join(map(str, inputs))
        raise node.fail(f"shapes {shapes} do not give {output} with its attributes")


def _check_numbers(node: Node) -> None:
    """Sizes in attributes must be such that sums of them cannot overflow."""
    for key, value in node.attributes.items():
        listed = value if isinstance(value, list) else [value]
        least = 1 if key in ("strides", "dilations", "kernel_shape", "group", "blocksize") else None
        for item in listed:
            if isinstance(item, int) and abs(item) >= ATTRIBUTE_LIMIT:
                raise node.fail(f"{key}={item} is too large")
            if least is not None and isinstance(item, int) and item < least:
                raise node.fail(f"{key}={item} is not accepted; {least} or more is")


def _fits(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x = inputs[0]
    if node.op in CHECKS:
        return CHECKS[node.op](node, graph, inputs, output)
    if node.op in SAME_COUNT:
        return prod(x) == prod(output)
    if node.op in SAME_SHAPE:
        return x == output
    if node.op in BROADCAST:
        return np.broadcast_shapes(*inputs) == output and (node.op != "PRelu" or x == output)
    if node.op.startswith("Reduce"):
        axes = node.attributes["axes"]
        return prod(side for axis, side in enumerate(x) if axis not in axes) == prod(output)
    if node.op.startswith("Global"):
        return len(x) >= 2 and output == (*x[:2], *[1] * (len(x) - 2))
    return True


def _softmax(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    return inputs[0] == output and 0 <= node.attributes["axis"] < max(1, len(output))


def _by_channel(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x, *others = inputs
    return x == output and len(x) >= 2 and all(shape == x[1:2] for shape in others)


def _by_group(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    groups, channels = int(node.attributes["num_groups"]), inputs[0][1]
    fits = channels % groups == 0 and set(inputs[1:]) <= {(groups,), (channels,)}
    return inputs[0] == output and fits


def _layer_norm(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    return inputs[0] == output and np.broadcast_shapes(*inputs) == output


def _response(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    return inputs[0] == output and len(output) >= 2 and int(node.attributes["size"]) >= 1


def _convolution(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x, weight, groups = inputs[0], inputs[1], int(node.attributes.get("group", 1))
    channels = weight[1] * groups == x[1] and weight[0] % groups == 0 == x[1] % groups
    named = node.attributes.get("kernel_shape")
    kernel = named is None or tuple(named) == weight[2:]
    bias = len(inputs) < 3 or not node.inputs[2] or inputs[2] == weight[:1]
    return (
        channels and kernel and bias and output[:2] == (x[0], weight[0])
        and _window(node, x[2:], weight[2:], output)
    )  # fmt: skip


def _transposed(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x, weight, groups = inputs[0], inputs[1], int(node.attributes.get("group", 1))
    rank = len(x) - 2
    channels = weight[0] == x[1] and x[1] % groups == 0
    bias = len(inputs) < 3 or not node.inputs[2] or inputs[2] == (weight[1] * groups,)
    shaped = output[:2] == (x[0], weight[1] * groups) and {len(weight), len(output)} == {len(x)}
    extra = node.attributes.get("output_padding") or [0] * rank
    if not (channels and bias and shaped) or len(extra) != rank:
        return False
    sliding(node, x[2:], output[2:], weight[2:])  # refuses attributes of another number of axes
    return True


def _window(node: Node, size: Shape, kernel: Shape, output: Shape) -> bool:
    """Whether windows over maps of `size` give the sides of the output."""
    if len(size) < 1 or not len(kernel) == len(output) - 2 == len(size):
        return False
    window = sliding(node, size, output[2:], kernel)
    if node.attributes.get("auto_pad", b"NOTSET") in (b"SAME_UPPER", b"SAME_LOWER"):
        return all(
            out == -(-side // step)
            for out, side, step in zip(window.out, size, window.stride, strict=True)
        )
    if min((*window.before, *window.behind)) < 0:
        return False
    for axis, (side, step) in enumerate(zip(size, window.stride, strict=True)):
        reach = (kernel[axis] - 1) * window.dilation[axis] + 1
        room = side + window.before[axis] + window.behind[axis] - reach
        most = -(-room // step) + 1 if node.attributes.get("ceil_mode", 0) else room // step + 1
        if room < 0 or not room // step + 1 <= window.out[axis] <= most:
            return False
    return True


def _pool(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x, kernel = inputs[0], tuple(map(int, node.attributes["kernel_shape"]))
    return x[:2] == output[:2] and _window(node, x[2:], kernel, output)


def _general(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    a, b = inputs[:2]
    a = a[::-1] if node.attributes.get("transA", 0) else a
    b = b[::-1] if node.attributes.get("transB", 0) else b
    shape = (a[0], b[1])
    added = len(inputs) < 3 or np.broadcast_shapes(inputs[2], shape) == shape
    return len(a) == len(b) == 2 and a[1] == b[0] and output == shape and added


def _matrices(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    a, b = inputs
    left, right = (a if len(a) > 1 else (1, *a)), (b if len(b) > 1 else (*b, 1))
    shape = [*np.broadcast_shapes(left[:-2], right[:-2])]
    shape += [left[-2]] if len(a) > 1 else []
    shape += [right[-1]] if len(b) > 1 else []
    return left[-1] == right[-2] and tuple(shape) == output


def _transpose(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x = inputs[0]
    order = list(node.attributes.get("perm", range(len(x))[::-1]))
    return sorted(order) == [*range(len(x))] and output == tuple(x[axis] for axis in order)


def _concat(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    axis = node.attributes["axis"]
    rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in (*inputs, output)}
    return len(rest) == 1 and sum(shape[axis] for shape in inputs) == output[axis]


def _split(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x, axis = inputs[0], node.attributes["axis"]
    shapes = [graph.shapes[name] for name in node.outputs]
    alike = {(*shape[:axis], *shape[axis + 1 :]) for shape in (x, *shapes)}
    return len(alike) == 1 and sum(shape[axis] for shape in shapes) == x[axis]


def _slice(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x, starts, steps = inputs[0], node.attributes["starts"], node.attributes["steps"]
    return len(x) == len(output) and all(
        count == 0 or (0 <= start < side and 0 <= start + (count - 1) * step < side)
        for start, step, count, side in zip(starts, steps, output, x, strict=True)
    )


def _pad(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x, pads, rank = inputs[0], node.attributes["pads"], len(inputs[0])
    sides = tuple(x[axis] + pads[axis] + pads[rank + axis] for axis in range(rank))
    return sides == output and (prod(x) > 0 or prod(output) == 0)


def _expand(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    return np.broadcast_shapes(inputs[0], output) == output


def _tile(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x = inputs[0]
    return len(x) == len(output) and all(
        after % max(1, before) == 0 for before, after in zip(x, output, strict=True)
    )


def _blocks(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    return len(inputs[0]) == 4 and prod(inputs[0]) == prod(output)


def _resize(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    """Whether the places along each axis exist, and as many as the output has."""
    if "taps" in node.attributes:
        taps = node.attributes["taps"]
        return len(taps) == len(inputs[0]) == len(output) and all(
            before == after if own is None else before > 0 and len(own.places) == after
            for own, before, after in zip(taps, inputs[0], output, strict=True)
        )
    places = node.attributes["places"]
    return len(places) == len(inputs[0]) == len(output) and all(
        before == after
        if listed is None
        else len(listed) == after and all(-1 <= place < before for place in listed)
        for listed, before, after in zip(places, inputs[0], output, strict=True)
    )


CHECKS: dict[str, Callable[[Node, Graph, list[Shape], Shape], bool]] = {
    **CHOOSING,
    **dict.fromkeys(("AveragePool", "LpPool", "MaxPool"), _pool),
    **dict.fromkeys(("BatchNormalization", "InstanceNormalization"), _by_channel),
    "Concat": _concat,
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), _blocks),
    "Expand": _expand,
    "Gemm": _general,
    "GroupNormalization": _by_group,
    "LRN": _response,
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), _layer_norm),
    **dict.fromkeys(("LogSoftmax", "Softmax"), _softmax),
    "MatMul": _matrices,
    "Pad": _pad,
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    "Slice": _slice,
    "Split": _split,
    "Tile": _tile,
    "Transpose": _transpose,
}
