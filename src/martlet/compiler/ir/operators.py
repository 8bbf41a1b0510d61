"""What operators of single values compute: formulas as C expressions, and activations.

What an operator is called in ONNX stands here once, for the frontend's checks and for the rules.
"""

from dataclasses import dataclass

import numpy as np

from martlet.compiler.ir.graph import Graph, Node

# Operators of one value without attributes; {0} is the value.
UNARY = {
    **{  # that C has under the same name
        name: f"{name.lower()}f({{0}})"
        for name in (
            *("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh"),
            *("Floor", "Sin", "Sinh", "Sqrt", "Tan"),
        )
    },
    **{  # with a function of our own, of that name
        name: f"one_{name.lower()}({{0}})"
        for name in (
            *("Erf", "Exp", "Log", "Mish", "Relu", "Sigmoid", "Sign", "Softplus", "Softsign"),
            "Tanh",
        )
    },
    **dict.fromkeys(("Cast", "CastLike", "Identity"), "{0}"),
    "Abs": "fabsf({0})",
    "HardSwish": "one_hard_swish({0})",
    "IsNaN": "(float)({0} != {0})",
    "Neg": "-{0}",
    "Not": "(float)!{0}",
    "Reciprocal": "1 / {0}",
    "Round": "rintf({0})",
}

# Operators of one value with attributes: formula, and the attributes with what they are by default.
WITH_ATTRIBUTES: dict[str, tuple[str, dict[str, float]]] = {
    "Celu": ("one_celu({0}, {alpha})", {"alpha": 1.0}),
    "Elu": ("one_elu({0}, {alpha})", {"alpha": 1.0}),
    "HardSigmoid": ("one_hard_sigmoid({0}, {alpha}, {beta})", {"alpha": 0.2, "beta": 0.5}),
    "LeakyRelu": ("one_leaky_relu({0}, {alpha})", {"alpha": 0.01}),
    "Selu": (
        "one_selu({0}, {alpha}, {gamma})",
        {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875},
    ),
    "Shrink": ("one_shrink({0}, {lambd}, {bias})", {"lambd": 0.5, "bias": 0.0}),
    "Swish": ("one_swish({0}, {alpha})", {"alpha": 1.0}),
    "ThresholdedRelu": ("one_thresholded_relu({0}, {alpha})", {"alpha": 1.0}),
}

# Operators that give a tensor other sides, and leave its values where they are.
SHAPING = ("Reshape", "Flatten", "Unsqueeze", "Squeeze")

# Recurrent operators, and how many gates they have.
GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}

# Operators of two values.
BINARY = {
    "Add": "{0} + {1}",
    "And": "(float)({0} && {1})",
    "Div": "{0} / {1}",
    "Equal": "(float)({0} == {1})",
    "Greater": "(float)({0} > {1})",
    "IntegerDiv": "truncf({0} / {1})",
    "GreaterOrEqual": "(float)({0} >= {1})",
    "Less": "(float)({0} < {1})",
    "LessOrEqual": "(float)({0} <= {1})",
    "Mul": "{0} * {1}",
    "Or": "(float)({0} || {1})",
    "PRelu": "{0} < 0 ? {1} * {0} : {0}",
    "Pow": "powf({0}, {1})",
    "Sub": "{0} - {1}",
    "Xor": "(float)(!{0} != !{1})",
}

# All whose values are made of those in the same place, as they are broadcast.
BY_VALUE = frozenset((
    *UNARY, *BINARY, *WITH_ATTRIBUTES, "Clip", "Gelu", "IsInf", "Max", "Mean", "Min", "Mod", "Sum",
    "Where",
))  # fmt: skip


@dataclass(frozen=True)
class Activation:
    """A function of one value with its two parameters."""

    kind: str  # as the C code calls it
    a: float = 0.0
    b: float = 0.0


def activation(graph: Graph, node: Node) -> Activation | None:
    """What an activation node computes; None for other nodes, and for limits known at run time."""
    given = node.attributes
    match node.op:
        case "Mish" | "Relu" | "Sigmoid" | "Softplus" | "Tanh":
            return Activation(node.op.lower())
        case "HardSwish":
            return Activation("hard_swish")
        case "Clip":
            return _clip(graph, node)
        case "HardSigmoid":
            alpha, beta = given.get("alpha", 0.2), given.get("beta", 0.5)
            return Activation("hard_sigmoid", float(alpha), float(beta))
        case "Swish" if given.get("alpha", 1.0) == 1.0:
            return Activation("swish")
        case "Celu" | "Elu" | "Selu":
            defaults = WITH_ATTRIBUTES[node.op][1].items()
            values = [float(given.get(key, value)) for key, value in defaults]
            return Activation(node.op.lower(), *values)
        case "Gelu":
            by_tanh = given.get("approximate", b"none") == b"tanh"
            return Activation("gelu_tanh" if by_tanh else "gelu")
        case "LeakyRelu":
            return Activation("leaky_relu", float(given.get("alpha", 0.01)))
    return None


def _clip(graph: Graph, node: Node) -> Activation | None:
    limits = [-np.inf, np.inf]
    for place, name in enumerate(node.inputs[1:3]):
        if name and name not in graph.constants:
            return None
        if name:
            limits[place] = float(graph.constants[name].reshape(()))
    low, high = limits
    return Activation("relu") if (low, high) == (0.0, np.inf) else Activation("clip", low, high)
