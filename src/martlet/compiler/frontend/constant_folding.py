"""Nodes whose inputs are all known are computed here, once, by onnx's own reference."""

import warnings
from math import ceil, prod
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from martlet.compiler.frontend.check_model import MOST_TENSOR_BYTES
from martlet.compiler.ir.graph import Constant, Graph, Node, Shape
from martlet.errors import shortened

FOLDED_VALUES = 1 << 24  # values that a constant computed here may have
RANDOM = ("Random", "Bernoulli", "Multinomial")
NO_LARGER = (  # operators that make at most as many values as they read
    *("Cast", "CastLike", "Compress", "Concat", "Constant", "Flatten", "Identity", "NonZero"),
    *("Reshape", "Shape", "Size", "Slice", "Split", "Squeeze", "Transpose", "Trilu", "Unique"),
    *("Unsqueeze", "Abs", "Neg", "Not", "Floor", "Ceil", "Sqrt", "Gather", "ReduceProd"),
)


def fold(node: Node, proto: onnx.NodeProto, graph: Graph, opset: int) -> bool:
    """Compute a node now when all that it reads is known; its outputs become constants."""
    outputs = [name for name in node.outputs if name]
    if all(name in graph.constants for name in outputs):
        return True
    early = _without_values(node, graph)
    if early is not None:
        graph.constants[node.outputs[0]] = early
        return True
    given = [name for name in node.inputs if name]
    if (
        node.op == "If"
        or node.op.startswith(RANDOM)
        or any(name not in graph.constants for name in given)
    ):
        return False
    if not _is_small(node, graph, outputs):
        return False
    graph.constants.update(zip(outputs, _computed(node, proto, graph, opset), strict=True))
    return True


def _without_values(node: Node, graph: Graph) -> Constant | None:
    """What follows from shapes and types alone, or needs no memory."""
    first = node.inputs[0] if node.inputs else ""
    if node.op == "Shape" and first in graph.shapes:
        full = graph.shapes[first]
        start, end = node.attributes.get("start", 0), node.attributes.get("end", len(full))
        return np.array(full[start:end], np.int64)
    if node.op == "Size" and first in graph.shapes:
        return np.array(prod(graph.shapes[first]), np.int64)
    if node.op == "CastLike" and first in graph.constants and node.outputs[0] in graph.types:
        with np.errstate(all="ignore"):
            return graph.constants[first].astype(graph.types[node.outputs[0]])
    if node.op == "ConstantOfShape" and first in graph.constants:
        given = node.attributes.get("value")
        value = np.zeros(1, np.float32) if given is None else numpy_helper.to_array(given)
        shape: Shape = tuple(int(side) for side in graph.constants[first])
        if min(shape, default=1) < 0 or prod(shape) * value.itemsize > MOST_TENSOR_BYTES:
            raise node.fail(f"its output would have the size {list(shape)[:8]}")
        return np.broadcast_to(value.reshape(()), shape)
    return None


def _is_small(node: Node, graph: Graph, outputs: list[str]) -> bool:
    """Whether it is known that the outputs do not fill the memory."""
    constants = [graph.constants[name] for name in node.inputs if name]
    if all(name in graph.shapes for name in outputs):
        return sum(prod(graph.shapes[name]) for name in outputs) <= FOLDED_VALUES
    if node.op == "Range":
        first, last, step = (value.reshape(-1)[0] for value in constants)
        return bool(step != 0) and ceil((float(last) - float(first)) / float(step)) <= FOLDED_VALUES
    if node.op == "Expand" or node.op in ("Add", "Mul", "Div", "Sub", "Equal", "Where", "Mod"):
        shapes = [value.shape for value in constants]
        if node.op == "Expand":
            shapes[1] = tuple(int(side) for side in constants[1])
        try:
            return prod(np.broadcast_shapes(*shapes)) <= FOLDED_VALUES
        except ValueError:
            return False
    if node.op == "Gather":
        return constants[0].size * max(1, constants[1].size) <= FOLDED_VALUES
    return node.op in NO_LARGER and sum(value.size for value in constants) <= FOLDED_VALUES


def _dequantized(node: Node, given: list[Constant]) -> Constant:
    """(x - zero point) · scale; onnx's reference knows newer operator sets only."""
    x, *factors = given
    axis = int(node.attributes.get("axis", 1))
    for place, factor in enumerate(factors):
        if factor.ndim == 1 and x.ndim > 1 and factor.size == x.shape[axis]:
            behind = x.ndim - 1 - axis % x.ndim
            factors[place] = factor.reshape(-1, *[1] * behind)
        elif factor.size != 1 and factor.shape != x.shape:
            raise node.fail(f"a scale of shape {factor.shape} does not fit {x.shape} and its axis")
    scale, zero = factors[0], factors[1] if len(factors) > 1 else np.zeros((), np.float32)
    whole = x.astype(np.float32) - zero.astype(np.float32)
    return np.asarray(whole * scale.astype(np.float32), scale.dtype).reshape(x.shape)


def _computed(node: Node, proto: onnx.NodeProto, graph: Graph, opset: int) -> list[Constant]:
    names = [name for name in node.outputs if name]
    given = list(dict.fromkeys(name for name in node.inputs if name))
    if node.op == "DequantizeLinear" and not node.attributes.get("block_size", 0):
        return [_dequantized(node, [graph.constants[name] for name in node.inputs if name])]
    lone = helper.make_graph(
        [proto],
        "constant",
        [helper.make_value_info(name, onnx.TypeProto()) for name in given],
        [helper.make_value_info(name, onnx.TypeProto()) for name in names],
    )
    model = helper.make_model(lone, opset_imports=[helper.make_opsetid("", opset)])
    feeds: dict[str, Any] = {name: graph.constants[name] for name in given}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = ReferenceEvaluator(model).run(None, feeds)
        return [np.asarray(value) for value in found]
    except Exception as error:  # whatever the reference raises
        raise node.fail(
            f"its constant inputs give no value ({shortened(str(error), 100)})"
        ) from error
