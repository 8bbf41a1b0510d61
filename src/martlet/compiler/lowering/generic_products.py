"""Rules of the generic products: convolutions, pools and matrices of any batch and any steps."""

from collections.abc import Mapping
from math import prod
from typing import Literal

import numpy as np

from martlet.compiler.ir.graph import Node, Shape
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.ir.window import sliding, transposed
from martlet.compiler.kernels.activations import activated, number
from martlet.compiler.kernels.einsum import Einsum
from martlet.compiler.kernels.generic import Rows
from martlet.compiler.kernels.generic_reduce import MatrixProduct
from martlet.compiler.kernels.generic_window import (
    GenericConvolution,
    GenericPool,
    TransposedConvolution,
)
from martlet.compiler.kernels.row_product import RowProduct
from martlet.compiler.lowering.context import Lowering, Rule
from martlet.compiler.lowering.generic_shaping import moved


def _finished(low: Lowering, node: Node, made: Rows) -> Rows:
    """What was fused into the node comes behind it, in one more layer."""
    fused = node.attributes
    if not any(word in fused for word in ("act", "add", "act_after")):
        return made
    text, operands = activated("{0}", fused.get("act")), [made]
    if "add" in fused:
        text = f"{text} + {{1}}"
        operands.append(low.rows(fused["add"]))
        text = activated(text, fused.get("act_after"))
    return low.calculate(f"{node.name} finished", text, operands, made.shape)


def _convolution(low: Lowering, node: Node) -> Rows:
    x, weight = (low.rows(name) for name in node.inputs[:2])
    bias = low.rows(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else None
    y = low.result(low.shape(node))
    if "gate" in node.attributes:
        gate = low.rows(node.attributes["gate"])
        x = low.calculate(f"{node.name} gated", "{0} * {1}", [x, gate], x.shape)
    window = sliding(node, x.shape[2:], y.spatial[2:], weight.shape[2:])
    groups = int(node.attributes.get("group", 1))
    places, is_plain = prod(window.size), prod(window.kernel) == 1 and window.size == window.out
    if is_plain and groups == x.shape[0] == 1 and bias is None:  # weights made at run time
        left = weight.reshaped((weight.shape[0], weight.shape[1]))
        plain = Node("MatMul", f"{node.name} product", [], [])
        made = _product(low, plain, left, x.reshaped((x.shape[1], places)), (), None)
        return _finished(low, node, made.reshaped(y.spatial))
    layer = GenericConvolution(node.name, x, weight, bias, groups, window, y)
    return _finished(low, node, low.made(layer))


def _transposed(low: Lowering, node: Node) -> Rows:
    x, weight = (low.rows(name) for name in node.inputs[:2])
    bias = low.rows(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else None
    y = low.result(low.shape(node))
    size, kernel, out = x.shape[2:], weight.shape[2:], y.spatial[2:]
    window = transposed(node, size, out, kernel)
    groups = int(node.attributes.get("group", 1))
    layer = TransposedConvolution(node.name, x, weight, bias, groups, window, y)
    return _finished(low, node, low.made(layer))


def _pool(low: Lowering, node: Node) -> Rows:
    if any(node.outputs[1:]):
        raise node.fail("only its first output is supported")
    x, y = low.rows(node.inputs[0]), low.result(low.shape(node))
    kinds: dict[str, Literal["max", "average", "norm"]] = {
        "MaxPool": "max", "AveragePool": "average", "LpPool": "norm", "GlobalLpPool": "norm",
    }  # fmt: skip
    kernel: Shape = x.shape[2:]
    if not node.op.startswith("Global"):
        kernel = tuple(int(side) for side in node.attributes["kernel_shape"])
    window = sliding(node, x.shape[2:], y.spatial[2:], kernel)
    padded = bool(node.attributes.get("count_include_pad", 0))
    power = int(node.attributes.get("p", 2))
    layer = GenericPool(node.name, x, window, kinds[node.op], y, count_padding=padded, power=power)
    return _finished(low, node, low.made(layer))


def _matrices(low: Lowering, node: Node) -> Rows:
    """Products of stacks of matrices; a vector counts as a matrix of one row or column."""
    a, b = (low.rows(name) for name in node.inputs[:2])
    a = a.reshaped((1, *a.shape)) if len(a.shape) == 1 else a
    b = b.reshaped((*b.shape, 1)) if len(b.shape) == 1 else b
    if not isinstance(b.source, Buffer) and len(b.shape) == 2:  # all matrices as one
        a = a.reshaped((prod(a.shape[:-1]), a.shape[-1]))
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (rows.broadcast((*batch, *rows.shape[-2:])) for rows in (a, b))
    bias = low.rows(node.inputs[2]) if len(node.inputs) > 2 else None
    made = _product(low, node, a, b, batch, bias)
    return made.reshaped(low.shape(node))


def product_of(low: Lowering, name: str, a: Rows, b: Rows, bias: Rows) -> Rows:
    """A product of matrices, with a number added to each column."""
    return _product(low, Node("MatMul", name, [], []), a, b, (), bias)


def _product(low: Lowering, node: Node, a: Rows, b: Rows, batch: Shape, bias: Rows | None) -> Rows:
    """In tiles where there are columns for a vector; the activation comes with it, or behind."""
    y, lanes = low.result((*batch, a.shape[-2], b.shape[-1])), low.program.lanes
    constant = not isinstance(b.source, Buffer)
    if b.shape[-1] >= lanes > 1 and a.shape[-1] and not (constant and prod(batch) > 1):
        if b.steps[-1] != 1 and not constant:
            b = moved(low, f"{node.name} columns", b)
        act = node.attributes.get("act")
        registers = low.program.registers
        return low.made(
            RowProduct(
                node.name, a, b, y, batch, lanes=lanes, registers=registers, bias=bias, act=act
            )
        )
    made = low.made(MatrixProduct(node.name, a, b, y, batch))
    if bias is not None:
        made = low.calculate(f"{node.name} bias", "{0} + {1}", [made, bias], made.shape)
    return _finished(low, node, made)


def _general(low: Lowering, node: Node) -> Rows:
    """alpha · A · B + beta · C."""
    a, b = (low.rows(name) for name in node.inputs[:2])
    a = a.permuted((1, 0)) if node.attributes.get("transA", 0) else a
    b = b.permuted((1, 0)) if node.attributes.get("transB", 0) else b
    fused = node.attributes
    alpha, beta = (float(fused.get(key, 1.0)) for key in ("alpha", "beta"))
    bias = low.rows(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else None
    by_column = bias is None or bias.shape in ((b.shape[1],), (1, b.shape[1]))
    if alpha == beta == 1 and by_column:
        return _product(low, node, a, b, (), bias)
    y = low.result((a.shape[0], b.shape[1]))
    made = low.made(MatrixProduct(f"{node.name} product", a, b, y, ()))
    text = "{0}" if alpha == 1 else f"{number(alpha)} * {{0}}"
    operands = [made]
    if bias is not None:
        text += " + {1}" if beta == 1 else f" + {number(beta)} * {{1}}"
        operands.append(bias)
    text = activated(text, fused.get("act"))
    return made if text == "{0}" else low.calculate(node.name, text, operands, made.shape)


def _einsum(low: Lowering, node: Node) -> Rows:
    terms, sides = node.attributes["terms"], dict[str, int]()
    operands = [low.rows(name) for name in node.inputs]
    for term, rows in zip(terms, operands, strict=True):
        for letter, side in zip(term, rows.shape, strict=True):
            sides[letter] = max(side, sides.get(letter, 0))
    y = low.result(low.shape(node))
    return low.made(Einsum(node.name, operands, terms, node.attributes["result"], sides, y))


PRODUCTS: Mapping[str, Rule] = {
    **dict.fromkeys(("AveragePool", "GlobalLpPool", "LpPool", "MaxPool"), _pool),
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "Einsum": _einsum,
    "Gemm": _general,
    "MatMul": _matrices,
}
