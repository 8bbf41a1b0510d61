"""Functions made of e^x over all of float32, in vectors and in plain floats, against double."""

import ctypes
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special
from tests.compiler.graphs import agree, graph, planned

from martlet.compiler.codegen.emit import emit
from martlet.compiler.codegen.prelude import prelude
from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.operators import Activation
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.kernels import smooth
from martlet.compiler.kernels.activations import add_functions, function
from martlet.compiler.targets import FLAGS, target
from martlet.compiler.toolchain import STRICT

Array = NDArray[np.float32]
Doubles = NDArray[np.float64]
LANES = (1, 4, 8, 16)
TINY = float(np.finfo(np.float32).tiny)
ROUNDING = 2.0**-24  # of a number near 1


class Exact(NamedTuple):
    """What a function is in double, how far off it may be, and its parameters.

    ulps: units of the last place of the result; beside them `more` times the size of x, where
    float32 has no better answer: a difference of two numbers near 1.
    """

    value: Callable[[Doubles], Doubles]
    ulps: float = 2.0
    more: float = 0.0
    given: tuple[float, ...] = ()


def elu(x: Doubles, a: float = 1.0) -> Doubles:
    return np.where(x < 0, a * np.expm1(np.minimum(x, 0)), x)


def gelu_tanh(x: Doubles) -> Doubles:
    return x * special.expit(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))


EXACT = {
    "sigmoid": Exact(special.expit, 2.5),
    "swish": Exact(lambda x: x * special.expit(x), 3),
    "tanh": Exact(np.tanh),
    "erf": Exact(special.erf),
    "gelu": Exact(lambda x: x / 2 * special.erfc(-x * np.sqrt(0.5)), 4, ROUNDING),
    "gelu_tanh": Exact(gelu_tanh, 4, 8 * ROUNDING),
    "softplus": Exact(lambda x: np.logaddexp(x, 0), 3),
    "mish": Exact(lambda x: x * np.tanh(np.logaddexp(x, 0)), 4),
    "less_one": Exact(lambda x: np.expm1(np.minimum(x, 0))),
    "elu": Exact(lambda x: elu(x, 0.75), given=(0.75,)),
    "selu": Exact(lambda x: 1.5 * elu(x, 0.75), 3, given=(0.75, 1.5)),
    "celu": Exact(lambda x: np.where(x < 0, 2 * np.expm1(np.minimum(x, 0) / 2), x), given=(2.0,)),
    "log": Exact(lambda x: np.log(x)),
}


def everything() -> Array:
    """Bit patterns of all of float32 in steps, its ends, and all between -30 and 30 densely."""
    found = np.arange(0, 1 << 32, 9973, dtype=np.uint64).astype(np.uint32).view(np.float32)
    ends = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1, -1], np.float32)
    steps = [smooth.TANH_NEAR, smooth.ERF_NEAR, smooth.ERFC_END, smooth.MISH_END, np.sqrt(0.5)]
    steps += [step * np.sqrt(2) for step in (0.6, smooth.ERFC_END)]
    near = np.outer(np.array(steps), 1 + np.linspace(-1e-5, 1e-5, 1001)).ravel()
    dense = np.linspace(-30, 30, 1 << 18)
    more = [values.astype(np.float32) for values in (near, -near, dense)]
    whole = np.concatenate([found, ends, *more])
    return np.resize(whole, len(whole) + -len(whole) % max(LANES))


def text(form: str) -> str:
    """C functions `all_NAME`, each of which is it for each of n values."""
    writer, loops = Writer(Schedule()), []
    for name, exact in EXACT.items():
        if form == "vectors":
            called = function(Activation(name, *exact.given), writer)
            loop = f"for (long i = 0; i < n; i += V) store(y + i, {called}(load(x + i)));"
        else:
            add_functions(f"one_{name}", writer)
            more = (1.0,) if name == "swish" else exact.given  # of any slope there
            values = ", ".join(["x[i]", *(f"{value}f" for value in more)])
            loop = f"for (long i = 0; i < n; i++) y[i] = one_{name}({values});"
        loops.append(f"void all_{name}(const float *x, float *y, long n) {{ {loop} }}")
    return "\n".join([*writer.kernels.values(), *loops, ""])


def built(form: str, lanes: int, folder: Path) -> ctypes.CDLL:
    body = text(form)
    source, library = folder / "all.c", folder / "all.so"
    heads = "".join(f"#include <{name}.h>\n" for name in ("math", "stdint", "string"))
    source.write_text(heads + prelude(lanes, body) + body)
    command = ["cc", *STRICT, "-Werror", "-Wno-psabi", *FLAGS, "-shared", "-fPIC"]
    subprocess.run([*command, str(source), "-o", str(library), "-lm"], check=True)
    return ctypes.CDLL(str(library))


@pytest.mark.parametrize(
    ("form", "lanes"),
    [
        ("floats", 1),
        *(
            pytest.param("vectors", lanes, marks=() if lanes == 8 else pytest.mark.slow)
            for lanes in LANES
        ),
    ],
)
def test_over_all_of_float32(tmp_path: Path, form: str, lanes: int) -> None:
    library, x = built(form, lanes, tmp_path), everything()
    for name, exact in EXACT.items():
        y = np.full_like(x, 7)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (x, y)]
        getattr(library, f"all_{name}")(*pointers, ctypes.c_long(len(x)))
        with np.errstate(all="ignore"):
            doubles = exact.value(x.astype(np.float64))
            expected = doubles.astype(np.float32)
            place = np.spacing(np.maximum(np.abs(expected), np.float32(TINY))).astype(np.float64)
            apart = np.abs(y.astype(np.float64) - doubles)
            allowed = exact.ulps * place + (exact.more + TINY) * np.abs(x.astype(np.float64))
            fits = (y == expected) | (apart <= allowed) | (np.isnan(y) & np.isnan(doubles))
        unknown = np.isinf(x) & (x < 0) & (name in ("swish", "gelu", "gelu_tanh", "mish"))
        wrong = np.flatnonzero(~fits & ~unknown)  # those are infinity times zero
        assert not len(wrong), (name, [(x[n], y[n], expected[n]) for n in wrong[:5]])
        assert np.isnan(y[np.isnan(x)]).all(), name


def test_each_is_compared() -> None:
    assert EXACT.keys() == smooth.FUNCTIONS.keys()


@pytest.mark.parametrize("rest", ["y = Sigmoid (a)", "r = Conv (x, u) s = Add (a, r) y = Tanh (s)"])
@pytest.mark.parametrize("how", ["", "<pads = [1, 1, 1, 1]>", "<pads = [1, 1, 1, 1], group = 20>"])
def test_a_tile_ends_with_a_function_of_many(rest: str, how: str) -> None:
    """Its constants take no registers from the tile's sums: they are another function's."""
    side = 3 if how else 1
    weight = (20, 1 if "group" in how else 20, side, side)
    given = {"u": (20, 20, 1, 1)} if "u" in rest else {}
    nodes = f"b = Conv (x, v) a = Conv {how} (b, w) {rest}"
    model = graph(nodes, (1, 20, 9, 10), v=(20, 20, 1, 1), w=weight, **given)
    program, schedule = planned(model)
    source = emit(program, schedule, target("native"), weights="text", made_from="a.onnx").source
    (one,) = re.findall(r"NOINLINE void (\w+)_of_many\(", source)
    assert len(re.findall(rf"\b{one}\(", source)) == 2  # where it is, and of many
    assert f" {one}_of_many(o" in source or f" {one}_of_many(y" in source
    agree(model, targets=("native", "portable"))
