"""Rules of the generic layers: everything that the fast ones leave, on tensors row by row."""

from collections.abc import Mapping

import numpy as np

from martlet.compiler.ir.graph import TRUTH, WHOLE, Node, NumberType
from martlet.compiler.ir.operators import BINARY, UNARY, WITH_ATTRIBUTES
from martlet.compiler.kernels.activations import number
from martlet.compiler.kernels.generic import Rows
from martlet.compiler.lowering.context import Lowering, Rule
from martlet.compiler.lowering.generic_choosing import CHOOSING
from martlet.compiler.lowering.generic_norms import NORMS
from martlet.compiler.lowering.generic_products import PRODUCTS
from martlet.compiler.lowering.generic_quantized import QUANTIZED
from martlet.compiler.lowering.generic_shaping import SHAPING
from martlet.compiler.lowering.recurrent import RECURRENT


def _formula(low: Lowering, node: Node) -> Rows:
    """Operators of each value for itself, and of two values."""
    formula = UNARY.get(node.op) or BINARY.get(node.op, "")
    if node.op in WITH_ATTRIBUTES:
        text, defaults = WITH_ATTRIBUTES[node.op]
        given = {key: node.attributes.get(key, value) for key, value in defaults.items()}
        formula = text.format("{0}", **{key: number(value) for key, value in given.items()})
    elif node.op == "Gelu" and node.attributes.get("approximate", b"none") == b"tanh":
        formula = "one_gelu_tanh({0})"
    elif node.op == "Gelu":
        formula = "one_gelu({0})"
    elif node.op == "Mod" and node.attributes.get("fmod", 0):
        formula = "fmodf({0}, {1})"
    elif node.op == "Mod":
        formula = "one_remainder({0}, {1})"
    elif node.op == "IsInf":
        signs = [
            f"{{0}} == {sign}INFINITY"
            for sign, key in (("", "detect_positive"), ("-", "detect_negative"))
            if node.attributes.get(key, 1)
        ]
        formula = f"(float)({' || '.join(signs) or '0 * {0} != 0'})"
    return _each(low, node, formula, node.inputs)


def _each(low: Lowering, node: Node, formula: str, names: list[str]) -> Rows:
    rows = [low.rows(name) for name in names]
    return low.calculate(node.name, formula, rows, low.shape(node))


def _many(low: Lowering, node: Node) -> Rows:
    """Sum, mean, maximum or minimum of any number of tensors."""
    places = [f"{{{place}}}" for place in range(len(node.inputs))]
    if node.op in ("Sum", "Mean"):
        text = " + ".join(places)
        text = f"({text}) / {len(places)}" if node.op == "Mean" else text
    else:
        text, function = places[0], {"Max": "one_larger", "Min": "one_smaller"}[node.op]
        for place in places[1:]:
            text = f"{function}({text}, {place})"
    return _each(low, node, text, node.inputs)


def _clip(low: Lowering, node: Node) -> Rows:
    names = [node.inputs[0]]
    limits = ["-INFINITY", "INFINITY"]
    for place, name in enumerate(node.inputs[1:3]):
        if name:
            limits[place] = f"{{{len(names)}}}"
            names.append(name)
    return _each(low, node, f"one_clip({{0}}, {limits[0]}, {limits[1]})", names)


def _where(low: Lowering, node: Node) -> Rows:
    return _each(low, node, "{0} != 0 ? {1} : {2}", node.inputs)


def _cast(low: Lowering, node: Node) -> Rows:
    """To a truth value, or a whole number of a small type: others hold what is there."""
    name = node.inputs[0]
    before, kind = (low.graph.types[each] for each in (name, node.outputs[0]))
    text = "{0}"
    if kind == TRUTH:
        text = "(float)({0} != 0)"
    elif kind in WHOLE and before != TRUTH:
        text = "{0}" if before in WHOLE else "truncf({0})"
        holds_all = before in WHOLE and np.can_cast(before, kind)
        text = text if holds_all else _wrapped(text, kind)
    return _each(low, node, text, node.inputs[:1])


def _wrapped(value: str, kind: NumberType) -> str:
    """C text of a whole number as a type of 8 or 16 bits holds it; wide ones hold them all."""
    if kind.itemsize >= 4:
        return value
    size = 1 << (8 * kind.itemsize)
    if kind.kind == "u":
        return f"one_remainder({value}, {size}.0f)"
    return f"one_remainder({value} + {size // 2}.0f, {size}.0f) - {size // 2}.0f"


GENERIC_RULES: Mapping[str, Rule] = {
    **dict.fromkeys((*UNARY, *BINARY, *WITH_ATTRIBUTES, "Gelu", "IsInf", "Mod"), _formula),
    **dict.fromkeys(("Max", "Mean", "Min", "Sum"), _many),
    "Cast": _cast,
    "CastLike": _cast,
    "Clip": _clip,
    "Where": _where,
    **CHOOSING,
    **NORMS,
    **PRODUCTS,
    **QUANTIZED,
    **RECURRENT,
    **SHAPING,
}  # fmt: skip
