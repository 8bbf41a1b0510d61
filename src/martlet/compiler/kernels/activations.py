"""Activations as C functions of one vector, and what generic layers compute of single values."""

import re

import numpy as np

from martlet.compiler.codegen import c_text
from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.operators import Activation
from martlet.compiler.kernels import exponential, smooth

BODIES = {
    "relu": "return vmax(x, fill(0));",
    "clip": "return vmin(vmax(x, fill({a})), fill({b}));",
    "hard_sigmoid": "return vmin(vmax(x * {a} + {b}, fill(0)), fill(1));",
    "hard_swish": "return x * vmin(vmax(x * (1.0f / 6) + 0.5f, fill(0)), fill(1));",
    "leaky_relu": "return vmax(x, fill(0)) + vmin(x, fill(0)) * {a};",
}
OF_ONE_IN_C = ("erf", "log", "tanh")  # of which C has a function of that name
# name -> (parameters after x, body). A name starts with `one_`, so that none of C's is taken.
FUNCTIONS: dict[str, tuple[str, str]] = {
    "one_exp": ("", exponential.OF_FLOATS),
    **{
        f"one_{name}": (
            ", ".join(f"float {parameter}" for parameter in function.parameters),
            smooth.of_floats(name),
        )
        for name, function in smooth.FUNCTIONS.items()
    },
    "one_relu": ("", "return x > 0 || x != x ? x : 0;"),
    "one_clip": ("float low, float high", "x = x < low ? low : x;\n  return x > high ? high : x;"),
    "one_leaky_relu": ("float a", "return x < 0 ? a * x : x;"),
    "one_thresholded_relu": ("float a", "return x > a ? x : 0;"),
    "one_shrink": ("float a, float b", "return x < -a ? x + b : x > a ? x - b : 0;"),
    "one_hard_sigmoid": (
        "float a, float b",
        "x = a * x + b;\n  x = x < 0 ? 0 : x;\n  return x > 1 ? 1 : x;",
    ),
    "one_hard_swish": ("", "return x * one_hard_sigmoid(x, 1.0f / 6, 0.5f);"),
    "one_swish": ("float a", "return x / (1 + one_exp(-a * x));"),  # of any slope
    "one_softsign": ("", "return x / (1 + fabsf(x));"),
    "one_sign": ("", "return x != x ? x : (float)((x > 0) - (x < 0));"),
    "one_larger": ("float other", "return x > other || x != x ? x : other;"),
    "one_smaller": ("float other", "return x < other || x != x ? x : other;"),
    "one_remainder": (
        "float other",
        "x = fmodf(x, other);\n  return x != 0 && (x < 0) != (other < 0) ? x + other : x;",
    ),
}


def number(value: float) -> str:
    """A float as C reads it back exactly."""
    if np.isnan(value):
        return "NAN"
    if np.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return f"{float(np.float32(value)).hex()}f"


def function(act: Activation | None, writer: Writer) -> str:
    """The name of the C function, added to the file; "" for none."""
    if act is None:
        return ""
    name, values = act.kind, (number(act.a), number(act.b))
    if act.kind in smooth.FUNCTIONS:
        taken = len(smooth.FUNCTIONS[act.kind].parameters)
        body = smooth.of_vectors(act.kind, *values[:taken])
        if act.kind in OF_ONE_IN_C:
            name += "_all"
    else:
        body = BODIES[act.kind].format(a=values[0], b=values[1])
        taken = 2 * ("{a}" in BODIES[act.kind])
    if taken:
        name += f"_{act.a:.9g}_{act.b:.9g}".replace("-", "m").replace(".", "p").replace("+", "")
    if "exp_all(" in body:
        writer.kernel("exp_all", exponential.OF_VECTORS)
    if "less_one(" in body:
        less_one = smooth.of_vectors("less_one")
        writer.kernel("less_one", f"static inline v less_one(v x) {{\n  {less_one}\n}}\n")
    return writer.kernel(name, f"static inline v {name}(v x) {{\n  {body}\n}}\n")


def of_many(act: Activation | None, writer: Writer) -> str:
    """The name of the C function of many vectors, in place; "" where one by one is as fast.

    The constants of a smooth function would take registers from the sums of the tile that it ends.
    """
    if act is None or act.kind not in smooth.FUNCTIONS:
        return ""
    one = function(act, writer)
    name = f"{one}_of_many"
    lines = ["for (; count > 0; count--, y += V)", f"  store(y, {one}(load(y)));"]
    head = f"static NOINLINE void {name}(float *y, int count)"
    return writer.kernel(name, c_text.function(head, lines))


def activated(value: str, act: Activation | None) -> str:
    """The formula of an activation of `value`."""
    if act is None:
        return value
    given = {
        **dict.fromkeys(("clip", "hard_sigmoid", "selu"), (act.a, act.b)),
        **dict.fromkeys(("celu", "elu", "leaky_relu"), (act.a,)),
        "swish": (1.0,),
    }.get(act.kind, ())
    return f"one_{act.kind}({', '.join([value, *map(number, given)])})"


def add_functions(formula: str, writer: Writer) -> None:
    """Put the functions that a formula calls into the file, behind those that they call."""
    for name in dict.fromkeys(re.findall(r"\bone_\w+", formula)):
        if name in smooth.WORDS_OF_FLOATS:
            writer.kernel(name, smooth.WORDS_OF_FLOATS[name])
            continue
        parameters, body = FUNCTIONS[name]
        add_functions(body, writer)
        head = ", ".join(["float x", *([parameters] if parameters else [])])
        writer.kernel(name, f"static inline float {name}({head}) {{\n  {body}\n}}\n")
