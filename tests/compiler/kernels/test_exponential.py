"""e to the power of x over all of float32, in vectors and in plain floats, against double."""

import ctypes
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from martlet.compiler.codegen.prelude import prelude
from martlet.compiler.kernels import exponential
from martlet.compiler.targets import FLAGS
from martlet.compiler.toolchain import STRICT

Array = NDArray[np.float32]
MOST_ULPS = 2.0
LANES = (1, 4, 8, 16)

ALONE = f"""\
static inline float one_exp(float x) {{
  {exponential.OF_FLOATS}
}}
"""
LOOPS = """\
void vectors(const float *x, float *y, long n) {
  for (long i = 0; i < n; i += V) store(y + i, exp_all(load(x + i)));
}
void floats(const float *x, float *y, long n) {
  for (long i = 0; i < n; i++) y[i] = one_exp(x[i]);
}
"""


@cache
def everything(step: int = 997) -> Array:
    """Bit patterns of all of float32 in steps, its ends, and all between -110 and 95 densely."""
    bits = np.arange(0, 1 << 32, step, dtype=np.uint64).astype(np.uint32)
    special = np.array(
        [
            0.0,
            -0.0,
            np.inf,
            -np.inf,
            np.nan,
            88.72283,
            88.72284,
            -87.33655,
            -103.97,
            -103.98,
            1e-45,
        ],
        np.float32,
    )
    dense = np.linspace(-110, 95, 1 << 20, dtype=np.float32)
    found = np.concatenate([bits.view(np.float32), special, dense])
    return np.resize(found, len(found) + -len(found) % max(LANES))


def built(folder: Path, lanes: int) -> ctypes.CDLL:
    body = exponential.OF_VECTORS + ALONE + LOOPS
    heads = "#include <stdint.h>\n#include <string.h>\n"
    source = folder / "exp.c"
    source.write_text(heads + prelude(lanes, body) + body)
    library = folder / "exp.so"
    command = ["cc", *STRICT, "-Werror", "-Wno-psabi", *FLAGS, "-shared", "-fPIC"]
    subprocess.run([*command, str(source), "-o", str(library), "-lm"], check=True)
    return ctypes.CDLL(str(library))


def ulps(found: Array, x: Array) -> NDArray[np.float64]:
    """How far `found` is from e^x, in units of the last place of float32 there."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        exact = np.exp(x.astype(np.float64))
        expected = exact.astype(np.float32)
        # Denormals lie evenly, in steps of the smallest of them.
        place = np.spacing(np.maximum(np.abs(expected), np.finfo(np.float32).tiny))
        apart = np.abs(found.astype(np.float64) - exact) / place.astype(np.float64)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    return np.where(same, 0.0, np.where(np.isfinite(found) & np.isfinite(exact), apart, np.inf))


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("form", ["vectors", "floats"])
def test_over_all_of_float32(tmp_path: Path, lanes: int, form: str) -> None:
    x = everything()
    y = np.full_like(x, 7)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (x, y)]
    getattr(built(tmp_path, lanes), form)(*pointers, ctypes.c_long(len(x)))
    apart = ulps(y, x)
    worst = int(np.argmax(apart))
    assert apart[worst] <= MOST_ULPS, (x[worst], y[worst])
    assert np.isnan(y[np.isnan(x)]).all()
    assert not np.isnan(y[~np.isnan(x)]).any()
