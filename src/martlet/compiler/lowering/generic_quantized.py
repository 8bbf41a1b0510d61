"""Rules of linear quantisation, computed in float: whole numbers are held as floats."""

from collections.abc import Mapping

import numpy as np

from martlet.compiler.ir.graph import Node
from martlet.compiler.kernels.activations import number
from martlet.compiler.kernels.generic import Rows
from martlet.compiler.lowering.context import Lowering, Rule


def _by_axis(low: Lowering, node: Node, place: int) -> Rows:
    """Scale or zero point, one number or one for each place along an axis."""
    rows, rank = low.rows(node.inputs[place]), len(low.graph.shapes[node.inputs[0]])
    if not rows.shape or rank == 0:
        return rows.reshaped(())
    return rows.reshaped((*rows.shape, *[1] * (rank - 1 - node.attributes["axis"])))


def _quantized(low: Lowering, node: Node) -> Rows:
    """The nearest whole number, the even one of two, within the limits of its type."""
    x, limits = low.rows(node.inputs[0]), np.iinfo(low.graph.types[node.outputs[0]])
    operands, text = [x, _by_axis(low, node, 1)], "rintf({0} / {1})"
    if len(node.inputs) > 2 and node.inputs[2]:
        operands.append(_by_axis(low, node, 2))
        text += " + {2}"
    text = f"one_clip({text}, {number(limits.min)}, {number(limits.max)})"
    return low.calculate(node.name, text, operands, x.shape)


def _dequantized(low: Lowering, node: Node) -> Rows:
    x = low.rows(node.inputs[0])
    operands, text = [x, _by_axis(low, node, 1)], "{0} * {1}"
    if len(node.inputs) > 2 and node.inputs[2]:
        operands.append(_by_axis(low, node, 2))
        text = "({0} - {2}) * {1}"
    return low.calculate(node.name, text, operands, x.shape)


QUANTIZED: Mapping[str, Rule] = {
    "DequantizeLinear": _dequantized,
    "QuantizeLinear": _quantized,
}
