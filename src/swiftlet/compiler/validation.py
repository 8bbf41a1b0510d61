"""Whether a node's attributes and shapes fit together, for what onnx's inference lets through.

The C code trusts shapes: here is the place where nothing is trusted.
"""

from math import prod
from typing import Any

import numpy as np

from swiftlet.compiler.graph import Graph, Node, Shape
from swiftlet.compiler.layers.scalars import BINARY, UNARY, WITH_ATTRIBUTES

BROADCAST = (*BINARY, *UNARY, *WITH_ATTRIBUTES, "Clip", "Max", "Mean", "Min", "Mod", "Sum", "Where")
SAME_COUNT = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Transpose")
LARGEST_NUMBER = 1 << 31


def validate(node: Node, graph: Graph) -> None:
    """Raises SwiftletError with the node's name when something does not fit."""
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
    except (IndexError, KeyError, ValueError, TypeError, ZeroDivisionError, OverflowError) as error:
        raise node.fail(f"its attributes do not fit ({str(error)[:80]})") from error
    if not fits:
        shapes = ", ".join(map(str, inputs))
        raise node.fail(f"shapes {shapes} do not give {output} with its attributes")


def _check_numbers(node: Node) -> None:
    """Sizes in attributes must be such that sums of them cannot overflow."""
    for key, value in node.attributes.items():
        listed = value if isinstance(value, list) else [value]
        least = 1 if key in ("strides", "dilations", "kernel_shape", "group", "blocksize") else None
        for item in listed:
            if isinstance(item, int) and abs(item) >= LARGEST_NUMBER:
                raise node.fail(f"{key}={item} is too large")
            if least is not None and isinstance(item, int) and item < least:
                raise node.fail(f"{key}={item} is not accepted; {least} or more is")


def _fits(node: Node, graph: Graph, inputs: list[Shape], output: Shape) -> bool:
    x = inputs[0]
    match node.op:
        case "Conv":
            return _convolution(node, inputs, output)
        case "ConvTranspose":
            return _transposed(node, inputs, output)
        case "MaxPool" | "AveragePool" | "LpPool":
            return x[:2] == output[:2] and _window(node, x[2:], _listed(node, "kernel_shape"), output)
        case "Gemm":
            return _general(node, inputs, output)
        case "MatMul":
            return _matrices(inputs, output)
        case "Transpose":
            order = list(node.attributes.get("perm", range(len(x))[::-1]))
            whole = sorted(order) == list(range(len(x)))
            return whole and output == tuple(x[axis] for axis in order)
        case "Concat":
            axis = node.attributes["axis"]
            rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in (*inputs, output)}
            return len(rest) == 1 and sum(shape[axis] for shape in inputs) == output[axis]
        case "Split":
            return _split(node, graph, x)
        case "Gather":
            return _gather(node, graph, x, inputs[1], output)
        case "Slice":
            return _slice(node, x, output)
        case "Pad":
            pads, rank = node.attributes["pads"], len(x)
            sides = tuple(x[axis] + pads[axis] + pads[rank + axis] for axis in range(rank))
            return sides == output and (prod(x) > 0 or prod(output) == 0)
        case "Expand":
            return np.broadcast_shapes(x, output) == output
        case "Tile":
            return len(x) == len(output) and all(o % max(1, i) == 0 for i, o in zip(x, output))
        case "PRelu":
            return x == output
    return _others(node, inputs, output)


def _others(node: Node, inputs: list[Shape], output: Shape) -> bool:
    x = inputs[0]
    if node.op in SAME_COUNT:
        return prod(x) == prod(output)
    if node.op in ("Cast", "CastLike", "Dropout"):
        return x == output
    if node.op in BROADCAST:
        return np.broadcast_shapes(*inputs) == output
    if node.op.startswith("Reduce"):
        axes = node.attributes["axes"]
        left = [side for axis, side in enumerate(x) if axis not in axes]
        return prod(left) == prod(output)
    if node.op.startswith("Global"):
        return len(x) >= 2 and output == (*x[:2], *[1] * (len(x) - 2))
    if node.op in ("Softmax", "LogSoftmax"):
        return x == output and 0 <= node.attributes["axis"] < max(1, len(x))
    if node.op in ("BatchNormalization", "InstanceNormalization"):
        return x == output and all(shape == x[1:2] for shape in inputs[1:])
    if node.op == "GroupNormalization":
        groups, channels = int(node.attributes["num_groups"]), x[1]
        sizes = {shape for shape in inputs[1:]}
        return x == output and channels % groups == 0 and sizes <= {(groups,), (channels,)}
    if node.op in ("LayerNormalization", "RMSNormalization"):
        return x == output and all(np.broadcast_shapes(x, s) == x for s in inputs[1:] if s)
    if node.op == "LRN":
        return x == output and len(x) >= 2 and int(node.attributes["size"]) >= 1
    if node.op in ("DepthToSpace", "SpaceToDepth"):
        return len(x) == 4 and prod(x) == prod(output)
    return True


def _listed(node: Node, key: str) -> Shape:
    return tuple(int(item) for item in node.attributes[key])


def _convolution(node: Node, inputs: list[Shape], output: Shape) -> bool:
    x, weight, groups = inputs[0], inputs[1], int(node.attributes.get("group", 1))
    channels = weight[1] * groups == x[1] and weight[0] % groups == 0 == x[1] % groups
    named = node.attributes.get("kernel_shape")
    kernel = named is None or tuple(named) == weight[2:]
    bias = len(inputs) < 3 or not node.inputs[2] or inputs[2] == weight[:1]
    return (
        channels and kernel and bias and output[:2] == (x[0], weight[0])
        and _window(node, x[2:], weight[2:], output)
    )  # fmt: skip


def _transposed(node: Node, inputs: list[Shape], output: Shape) -> bool:
    x, weight, groups = inputs[0], inputs[1], int(node.attributes.get("group", 1))
    rank = len(x) - 2
    channels = weight[0] == x[1] and x[1] % groups == 0
    bias = len(inputs) < 3 or not node.inputs[2] or inputs[2] == (weight[1] * groups,)
    lengths = {len(weight) - 2, len(output) - 2, *_lengths(node, rank)}
    return channels and bias and lengths == {rank} and output[:2] == (x[0], weight[1] * groups)


def _lengths(node: Node, rank: int) -> set[int]:
    """Lengths of the attributes that have an entry for each axis; `pads` has two."""
    given: Any = node.attributes
    keys = ("strides", "dilations", "output_padding")
    lengths = {len(given[key]) for key in keys if given.get(key)}
    return lengths | ({len(given["pads"]) / 2} if given.get("pads") else set())


def _window(node: Node, size: Shape, kernel: Shape, output: Shape) -> bool:
    """Whether windows over maps of `size` give the sides of the output."""
    rank, given = len(size), node.attributes
    if {len(kernel), len(output) - 2, *_lengths(node, rank)} != {rank} or rank < 1:
        return False
    if given.get("auto_pad", b"NOTSET") in (b"SAME_UPPER", b"SAME_LOWER"):
        strides = given.get("strides") or [1] * rank
        return all(o == -(-s // step) for o, s, step in zip(output[2:], size, strides))
    pads = given.get("pads") or [0] * 2 * rank
    if given.get("auto_pad", b"NOTSET") == b"VALID":
        pads = [0] * 2 * rank
    if min(pads) < 0:
        return False
    for axis in range(rank):
        step = (given.get("strides") or [1] * rank)[axis]
        reach = (kernel[axis] - 1) * (given.get("dilations") or [1] * rank)[axis] + 1
        room = size[axis] + pads[axis] + pads[rank + axis] - reach
        most = -(-room // step) + 1 if given.get("ceil_mode", 0) else room // step + 1
        if room < 0 or not room // step + 1 <= output[2 + axis] <= most:
            return False
    return True


def _general(node: Node, inputs: list[Shape], output: Shape) -> bool:
    a, b = inputs[:2]
    a = a[::-1] if node.attributes.get("transA", 0) else a
    b = b[::-1] if node.attributes.get("transB", 0) else b
    shape = (a[0], b[1])
    added = len(inputs) < 3 or np.broadcast_shapes(inputs[2], shape) == shape
    return len(a) == len(b) == 2 and a[1] == b[0] and output == shape and added


def _matrices(inputs: list[Shape], output: Shape) -> bool:
    a, b = inputs
    left, right = (a if len(a) > 1 else (1, *a)), (b if len(b) > 1 else (*b, 1))
    shape = [*np.broadcast_shapes(left[:-2], right[:-2])]
    shape += [left[-2]] if len(a) > 1 else []
    shape += [right[-1]] if len(b) > 1 else []
    return left[-1] == right[-2] and tuple(shape) == output


def _split(node: Node, graph: Graph, x: Shape) -> bool:
    axis = int(node.attributes.get("axis", 0))
    if not -len(x) <= axis < len(x):
        return False
    axis %= len(x)
    shapes = [graph.shapes[name] for name in node.outputs]
    alike = {(*shape[:axis], *shape[axis + 1 :]) for shape in (x, *shapes)}
    return len(alike) == 1 and sum(shape[axis] for shape in shapes) == x[axis]


def _gather(node: Node, graph: Graph, x: Shape, listed: Shape, output: Shape) -> bool:
    axis = int(node.attributes.get("axis", 0))
    if not -len(x) <= axis < len(x) or node.inputs[1] not in graph.constants:
        return False
    axis %= len(x)
    indices = graph.constants[node.inputs[1]]
    inside = not indices.size or (-x[axis] <= indices.min() and indices.max() < x[axis])
    return bool(inside) and output == (*x[:axis], *listed, *x[axis + 1 :])


def _slice(node: Node, x: Shape, output: Shape) -> bool:
    starts, steps = node.attributes["starts"], node.attributes["steps"]
    ends = [s + (count - 1) * step for s, count, step in zip(starts, output, steps)]
    return len(x) == len(output) and all(
        count == 0 or (0 <= start < side and 0 <= end < side)
        for start, end, count, side in zip(starts, ends, output, x)
    )
