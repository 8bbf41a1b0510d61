"""Functions of single values as C text: what the plain layers compute where others use vectors."""

import re

from martlet.compiler.ir.program import Writer
from martlet.compiler.kernels.activations import number
from martlet.compiler.passes.fuse import Activation

# name -> (parameters after x, body). A name starts with `one_`, so that none of C's is taken.
FUNCTIONS: dict[str, tuple[str, str]] = {
    "one_relu": ("", "return x > 0 || x != x ? x : 0;"),
    "one_clip": (
        "float low, float high",
        "x = x < low ? low : x;\n  return x > high ? high : x;",
    ),
    "one_leaky_relu": ("float a", "return x < 0 ? a * x : x;"),
    "one_elu": ("float a", "return x < 0 ? a * expm1f(x) : x;"),
    "one_selu": ("float a, float b", "return b * (x < 0 ? a * expm1f(x) : x);"),
    "one_celu": ("float a", "return x < 0 ? a * expm1f(x / a) : x;"),
    "one_thresholded_relu": ("float a", "return x > a ? x : 0;"),
    "one_shrink": ("float a, float b", "return x < -a ? x + b : x > a ? x - b : 0;"),
    "one_sigmoid": ("", "return 1 / (1 + expf(-x));"),
    "one_hard_sigmoid": (
        "float a, float b",
        "x = a * x + b;\n  x = x < 0 ? 0 : x;\n  return x > 1 ? 1 : x;",
    ),
    "one_hard_swish": ("", "return x * one_hard_sigmoid(x, 1.0f / 6, 0.5f);"),
    "one_swish": ("float a", "return x / (1 + expf(-a * x));"),
    "one_softplus": ("", "return (x > 0 ? x : 0) + log1pf(expf(-fabsf(x)));"),
    "one_softsign": ("", "return x / (1 + fabsf(x));"),
    "one_mish": ("", "return x * tanhf(one_softplus(x));"),
    "one_gelu": ("", "return 0.5f * x * (1 + erff(x * 0.70710678f));"),
    "one_gelu_tanh": (
        "",
        "return 0.5f * x * (1 + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));",
    ),
    "one_sign": ("", "return x != x ? x : (float)((x > 0) - (x < 0));"),
    "one_larger": ("float other", "return x > other || x != x ? x : other;"),
    "one_smaller": ("float other", "return x < other || x != x ? x : other;"),
    "one_remainder": (
        "float other",
        "x = fmodf(x, other);\n  return x != 0 && (x < 0) != (other < 0) ? x + other : x;",
    ),
}

# Operators of one value without attributes; {0} is the value.
UNARY = {
    "Abs": "fabsf({0})",
    "Acos": "acosf({0})",
    "Acosh": "acoshf({0})",
    "Asin": "asinf({0})",
    "Asinh": "asinhf({0})",
    "Atan": "atanf({0})",
    "Atanh": "atanhf({0})",
    "Cast": "{0}",
    "CastLike": "{0}",
    "Ceil": "ceilf({0})",
    "Cos": "cosf({0})",
    "Cosh": "coshf({0})",
    "Erf": "erff({0})",
    "Exp": "expf({0})",
    "Floor": "floorf({0})",
    "HardSwish": "one_hard_swish({0})",
    "Identity": "{0}",
    "IsNaN": "(float)({0} != {0})",
    "Log": "logf({0})",
    "Mish": "one_mish({0})",
    "Neg": "-{0}",
    "Not": "(float)!{0}",
    "Reciprocal": "1 / {0}",
    "Relu": "one_relu({0})",
    "Round": "rintf({0})",
    "Sigmoid": "one_sigmoid({0})",
    "Sign": "one_sign({0})",
    "Sin": "sinf({0})",
    "Sinh": "sinhf({0})",
    "Softplus": "one_softplus({0})",
    "Softsign": "one_softsign({0})",
    "Sqrt": "sqrtf({0})",
    "Tan": "tanf({0})",
    "Tanh": "tanhf({0})",
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

# Operators of two values.
BINARY = {
    "Add": "{0} + {1}",
    "And": "(float)({0} && {1})",
    "Div": "{0} / {1}",
    "Equal": "(float)({0} == {1})",
    "Greater": "(float)({0} > {1})",
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


def activated(value: str, act: Activation | None) -> str:
    """The formula of an activation of `value`."""
    if act is None:
        return value
    if act.kind == "tanh":
        return f"tanhf({value})"
    given = {
        "clip": (act.a, act.b),
        "hard_sigmoid": (act.a, act.b),
        "leaky_relu": (act.a,),
        "swish": (1.0,),
    }.get(act.kind, ())
    return f"one_{act.kind}({', '.join([value, *map(number, given)])})"


def add_functions(formula: str, writer: Writer) -> None:
    """Put the functions that a formula calls into the file, behind those that they call."""
    for name in dict.fromkeys(re.findall(r"\bone_\w+", formula)):
        parameters, body = FUNCTIONS[name]
        add_functions(body, writer)
        head = ", ".join(["float x", *([parameters] if parameters else [])])
        writer.kernel(name, f"static inline float {name}({head}) {{\n  {body}\n}}\n")
