"""A small network of everything, programs around compiled C, and other machines to run them on."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tests.compiler import graphs
from tests.compiler.graphs import by_onnx_runtime, random, save

from martlet.compiler import compile_onnx

Array = NDArray[np.float32]

# Reads the input from its standard input and writes the output to its standard output. All arrays
# are exactly as large as the header says, so that a sanitizer sees a step beyond them.
MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include "NAME.h"

#ifndef RUNS
#define RUNS 1
#endif

#ifdef AT_ONCE
#include <pthread.h>
typedef struct {
  const float *input;
  float output[BIG_OUTPUT0_FLOATS];
  const void *weights;
} task;

static void *work(void *given) {
  task *t = given;
  const void *weights = t->weights;
  (void)weights;
  void *workspace = malloc(BIG_WORKSPACE_BYTES);
  for (int i = 0; i < 20; i++) NAME_run(t->input, t->output, workspace GIVEN);
  free(workspace);
  return NULL;
}

/* Two runs at a time, each with a workspace of its own, must give what one alone gives. */
static int differ(const float *input, const float *output, const void *weights) {
  static task tasks[2];
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) {
    tasks[i].input = input, tasks[i].weights = weights;
    if (pthread_create(&threads[i], NULL, work, &tasks[i])) return 1;
  }
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  for (int k = 0; k < BIG_OUTPUT0_FLOATS; k++)
    if (tasks[0].output[k] != output[k] || tasks[1].output[k] != output[k]) return 1;
  return 0;
}
#endif

int main(int count, char **words) {
  float *input = malloc(BIG_INPUT0_FLOATS * sizeof(float));
  float *output = malloc(BIG_OUTPUT0_FLOATS * sizeof(float));
  void *workspace = malloc(BIG_WORKSPACE_BYTES);
  void *weights = NULL;
  if (count > 1) {
    FILE *file = fopen(words[1], "rb");
    weights = malloc(BIG_WEIGHT_BYTES);
    if (!file || fread(weights, 1, BIG_WEIGHT_BYTES, file) != BIG_WEIGHT_BYTES) return 2;
    fclose(file);
  }
  if (BIG_WORKSPACE_BYTES != NAME_workspace_bytes() || !NAME_description()[0]) return 3;
  if (fread(input, sizeof(float), BIG_INPUT0_FLOATS, stdin) != BIG_INPUT0_FLOATS) return 1;
  for (int i = 0; i < RUNS; i++) NAME_run(input, output, workspace GIVEN);
#ifdef AT_ONCE
  if (differ(input, output, weights)) return 4;
#endif
  fwrite(output, sizeof(float), BIG_OUTPUT0_FLOATS, stdout);
  free(input), free(output), free(workspace), free(weights);
  return 0;
}
"""


def close(found: Array, expected: Array) -> None:
    """Assert that no value is off by more than 1e-5 of the largest."""
    off = np.abs(found.reshape(expected.shape).astype(np.float64) - expected).max()
    assert off <= 1e-5 * np.abs(expected).max()


def zig() -> list[str]:
    """The command of ziglang's C compiler; skips the test where it is not installed."""
    if not find_spec("ziglang"):
        pytest.skip("the package ziglang is not installed")
    return [sys.executable, "-m", "ziglang", "cc"]


def gcc() -> list[str]:
    """The command of the system's compiler; skips the test where there is none."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    return ["gcc"]


COMPILERS = {"gcc": gcc, "zig": zig}


@pytest.fixture(params=sorted(COMPILERS))
def cc(request: pytest.FixtureRequest) -> list[str]:
    """Each C compiler that is there."""
    return COMPILERS[request.param]()


@pytest.fixture(scope="session")
def zig_cc() -> list[str]:
    return zig()


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Build NAME.c of a folder with a main around it and run that on an array."""

    def run(
        folder: Path,
        x: Array,
        command: list[str],
        *,
        through: tuple[str, ...] = (),
        name: str = "tiny",
    ) -> subprocess.CompletedProcess[bytes]:
        weights = "weights" if "const void *weights" in (folder / f"{name}.h").read_text() else ""
        text = MAIN.replace(" GIVEN", ", weights" if weights else "")
        text = text.replace("NAME", name).replace("BIG", name.upper())
        source, built = tmp_path / "main.c", tmp_path / "main.exe"
        source.write_text(text)
        files = [str(source), str(folder / f"{name}.c")]
        done = subprocess.run(
            [*command, f"-I{folder}", *files, "-o", str(built), "-lm"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        words = [*through, str(built), *([str(folder / f"{name}.bin")] if weights else [])]
        return subprocess.run(
            words, input=x.tobytes(), capture_output=True, check=False, timeout=600
        )

    return run


@pytest.fixture
def sanitized(
    tmp_path: Path, program: Callable[..., subprocess.CompletedProcess[bytes]]
) -> Callable[[onnx.ModelProto], None]:
    """Run a model of one input under two sanitizers, warnings as errors, and compare."""

    def run(model: onnx.ModelProto) -> None:
        compile_onnx(save(model, tmp_path), tmp_path / "out", weights="file", library=False)
        flags = ["-g", "-O1", "-march=native", "-Wall", "-Wextra", "-Werror"]
        flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
        sides = model.graph.input[0].type.tensor_type.shape.dim
        x = random(0, *(side.dim_value for side in sides))
        done = program(tmp_path / "out", x, ["gcc", *flags], name="net")
        assert (done.returncode, done.stderr) == (0, b"")
        (expected,) = by_onnx_runtime(model, x)
        graphs.close(np.frombuffer(done.stdout, np.float32).reshape(expected.shape), expected)

    return run


class Tiny:
    """Builds the small network; every operator that has a C function of its own is in it."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.random = np.random.default_rng(0)

    def number(self, *shape: int) -> str:
        return self.constant(self.random.standard_normal(shape).astype(np.float32) * 0.4)

    def constant(self, values: NDArray[np.generic]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def add(self, op: str, *inputs: str, name: str = "", outputs: int = 1, **more: object) -> str:
        number = len(self.nodes)
        made = [f"t{number}_{i}" for i in range(outputs)]
        name = name or f"{op}_{number}"
        self.nodes.append(helper.make_node(op, list(inputs), made, name=name, **more))
        return made[0]

    def conv(
        self, x: str, ins: int, outs: int, size: int = 1, name: str = "", **more: object
    ) -> str:
        groups = int(str(more.get("group", 1)))
        weights = self.number(outs, ins // groups, size, size), self.number(outs)
        pads = {} if size == 1 else {"pads": [size // 2] * 4}
        return self.add("Conv", x, *weights, name=name, **pads, **more)

    def build(self) -> onnx.ModelProto:
        x = self.add("Relu", self.conv("x", 3, 16, 3, "conv_at", strides=[2, 2]), name="main")
        left = self.add("Split", x, self.constant(np.array([8, 8])), axis=1, outputs=2)
        right = left[:-1] + "1"
        right = self.add("Relu", self.conv(right, 8, 8, name="a/b"))
        right = self.conv(right, 8, 8, 3, "a_b", group=8)
        right = self.add("Clip", self.conv(right, 8, 8, name="conv"), self.constant(np.float32(0)),
                         self.constant(np.float32(6)))  # fmt: skip
        x = self.add("Concat", left, right, axis=1)
        for shape in ((0, 2, 8, 10, 12), (0, 16, 10, 12)):
            x = self.add("Reshape", x, self.constant(np.array(shape)))
            if len(shape) == 5:
                x = self.add("Transpose", x, perm=[0, 2, 1, 3, 4])
        x = self.add(
            "MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], name="load"
        )
        x = self.add("HardSwish", self.conv(x, 16, 20, 5, "*/ int evil[1]; /*"))
        x = self.add("Relu", self.add("Add", self.conv(x, 20, 20, name="relu"), x))
        gate = self.add("GlobalAveragePool", x)
        gate = self.add("Sigmoid", self.conv(self.add("Relu", self.conv(gate, 20, 8)), 8, 20))
        x = self.add("Mul", x, gate, name="é name")
        x = self.add("AveragePool", x, kernel_shape=[2, 2], strides=[1, 1], name="7 pools")
        x = self.add("Flatten", self.add("GlobalAveragePool", x))
        self.add("Gemm", x, self.number(20, 10), self.number(10), name="memcpy")
        self.nodes[-1].output[0] = "y"
        sides = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("x", ["N", 3, 20, 24]), ("y", ["N", 10]))
        ]
        graph = helper.make_graph(self.nodes, "tiny", sides[:1], sides[1:], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ONNX file of the small network: x (N, 3, 20, 24) to y (N, 10)."""
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    onnx.save(Tiny().build(), path)
    return path


@pytest.fixture(scope="session")
def folder(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled small network; not to be written to."""
    out = tmp_path_factory.mktemp("compiled")
    compile_onnx(tiny, out)
    return out


@pytest.fixture(name="close", scope="session")
def give_close() -> Callable[[Array, Array], None]:
    return close


@pytest.fixture(scope="session")
def pair(tiny: Path) -> tuple[Array, Array]:
    """An input of the small network, and what ONNX Runtime makes of it."""
    x = np.random.default_rng(1).standard_normal((1, 3, 20, 24)).astype(np.float32)
    return x, onnxruntime.InferenceSession(tiny).run(None, {"x": x})[0]
