"""Activations as C functions of one vector."""

import numpy as np

from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.operators import Activation

BODIES = {
    "relu": "return vmax(x, fill(0));",
    "clip": "return vmin(vmax(x, fill({a})), fill({b}));",
    "hard_sigmoid": "return vmin(vmax(x * {a} + {b}, fill(0)), fill(1));",
    "hard_swish": "return x * vmin(vmax(x * (1.0f / 6) + 0.5f, fill(0)), fill(1));",
    "leaky_relu": "return vmax(x, fill(0)) + vmin(x, fill(0)) * {a};",
    "sigmoid": "for (int i = 0; i < V; i++) LANE(x, i) = 1 / (1 + expf(-LANE(x, i)));\n  return x;",
    "swish": "for (int i = 0; i < V; i++) LANE(x, i) /= 1 + expf(-LANE(x, i));\n  return x;",
    "tanh": "for (int i = 0; i < V; i++) LANE(x, i) = tanhf(LANE(x, i));\n  return x;",
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
    name = f"{act.kind}_all" if act.kind == "tanh" else act.kind  # C has a tanh of one float
    if "{a}" in BODIES[act.kind]:
        name += f"_{act.a:.9g}_{act.b:.9g}".replace("-", "m").replace(".", "p").replace("+", "")
    body = BODIES[act.kind].format(a=number(act.a), b=number(act.b))
    return writer.kernel(name, f"static inline v {name}(v x) {{\n  {body}\n}}\n")
