"""Damaged networks that still compile: what they became is run, under two sanitizers."""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from tests.compiler.graphs import RunC, Works, choosing, graph, random, save, shuffle_unit
from tests.compiler.mutations import damaged_fields
from tests.compiler.test_sanitizers import MEMORY

from martlet.compiler import compile_onnx
from martlet.compiler.frontend.importer import read_model
from martlet.errors import MartletError

pytestmark = pytest.mark.slow

BUILT = 24  # of each network: a build under the sanitizers takes seconds


def residual() -> onnx.ModelProto:
    """Padding, strides, groups, pooling, a residual, a table of constants, two products."""
    nodes = """
        c = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, w1, b1)
        r = Relu (c)
        d = Conv <pads = [1, 1, 1, 1], group = 8> (r, w2)
        a = Add (d, r)
        m = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [0, 0, 1, 1]> (a)
        p = Pad <mode = "reflect"> (m, pads)
        s = Sigmoid (p)
        t = Mul (s, table)
        g = GlobalAveragePool (t)
        f = Flatten (g)
        y = Gemm <transB = 1> (f, w3, b3)
    """
    given = {"w1": (8, 3, 3, 3), "b1": (8,), "w2": (8, 1, 3, 3), "w3": (5, 8), "b3": (5,)}
    return graph(nodes, (1, 3, 18, 18), pads=[0, 0, 1, 1, 0, 0, 1, 1], table=(1, 8, 1, 1), **given)


LONG = pytest.mark.long


@pytest.mark.parametrize(
    "make", [shuffle_unit, pytest.param(residual, marks=LONG), pytest.param(choosing, marks=LONG)]
)
def test_mutants_that_compile_run(
    make: Callable[[], onnx.ModelProto], tmp_path: Path, program: RunC, works: Works
) -> None:
    works(["gcc", *MEMORY])
    model = make()
    counts = {"refused": 0, "run": 0}
    for seed in range(2000):
        mutant, out = damaged_fields(model, seed), tmp_path / str(seed)
        if mutant.SerializeToString() == model.SerializeToString():
            continue
        try:
            compile_onnx(save(mutant, tmp_path), out, weights="file", library=False)
        except MartletError:
            counts["refused"] += 1
            continue
        read = read_model(mutant)
        if (len(read.inputs), len(read.outputs)) != (1, 1):
            continue  # not what the program around it gives and takes
        x = random(0, *read.shapes[read.inputs[0]])
        program(out, x, ["gcc", *MEMORY, "-march=native"], name="net")
        counts["run"] += 1
        if counts["run"] == BUILT:
            break
    print(f"{counts['refused']} refused, {counts['run']} run")
    assert counts["run"] == BUILT
    assert counts["refused"]
