"""A small network of everything, programs around compiled C, and other machines to run them on."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.compiler.exported import our_file
from tests.compiler.graphs import Array, Works, by_onnx_runtime, close, graph, random, save

from martlet.compiler import compile_onnx

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


@pytest.fixture(scope="session")
def works(tmp_path_factory: pytest.TempPathFactory) -> Works:
    """Skips where the compiler does not know some of its flags."""
    folder = tmp_path_factory.mktemp("probe")

    def check(command: list[str]) -> None:
        (folder / "p.c").write_text("#include <stdio.h>\nint main(void) { return 0; }\n")
        words = f"{shlex.join(command)} p.c -o p && ./p"
        if subprocess.run(words, shell=True, cwd=folder, capture_output=True).returncode:
            pytest.skip(f"{' '.join(command)} does not work here")

    return check


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Array]:
    """Build NAME.c of a folder with a main around it and run that on an array: all its numbers."""

    def run(
        folder: Path,
        x: Array,
        command: list[str],
        *,
        through: tuple[str, ...] = (),
        name: str = "tiny",
        said: str = "",
    ) -> Array:
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
        ran = subprocess.run(
            words, input=x.tobytes(), capture_output=True, check=False, timeout=600
        )
        assert (ran.returncode, ran.stderr.decode()) == (0, said)
        return np.frombuffer(ran.stdout, np.float32)

    return run


@pytest.fixture
def sanitized(tmp_path: Path, program: Callable[..., Array]) -> Callable[[onnx.ModelProto], None]:
    """Run a model of one input under two sanitizers, warnings as errors, and compare."""

    def run(model: onnx.ModelProto) -> None:
        compile_onnx(save(model, tmp_path), tmp_path / "out", weights="file", library=False)
        flags = ["-g", "-O1", "-march=native", "-Wall", "-Wextra", "-Werror"]
        flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
        sides = model.graph.input[0].type.tensor_type.shape.dim
        x = random(0, *(side.dim_value for side in sides))
        close(program(tmp_path / "out", x, ["gcc", *flags], name="net"), *by_onnx_runtime(model, x))

    return run


@pytest.fixture(scope="session")
def our_path(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The ONNX file of one of our networks, by its name and the side of its pictures."""
    folder = tmp_path_factory.mktemp("ours")

    def path(name: str, side: int | None = None) -> Path:
        written = folder / f"{name}_{side}.onnx"
        if not written.exists():
            our_file(written, name, side)
        return written

    return path


def everything() -> onnx.ModelProto:
    """The small network; every operator that has a C function of its own is in it."""
    nodes = """
        c1 = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, w1, b1)
        r1 = Relu (c1)
        left, right = Split <axis = 1> (r1, halves)
        c2 = Conv (right, w2, b2)
        r2 = Relu (c2)
        c3 = Conv <group = 8, pads = [1, 1, 1, 1]> (r2, w3, b3)
        c4 = Conv (c3, w4, b4)
        r4 = Clip (c4, zero, six)
        joined = Concat <axis = 1> (left, r4)
        s1 = Reshape (joined, five)
        s2 = Transpose <perm = [0, 2, 1, 3, 4]> (s1)
        s3 = Reshape (s2, four)
        p1 = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (s3)
        c5 = Conv <pads = [2, 2, 2, 2]> (p1, w5, b5)
        r5 = HardSwish (c5)
        c6 = Conv (r5, w6, b6)
        a6 = Add (c6, r5)
        r6 = Relu (a6)
        g1 = GlobalAveragePool (r6)
        g2 = Conv (g1, w7, b7)
        g3 = Relu (g2)
        g4 = Conv (g3, w8, b8)
        g5 = Sigmoid (g4)
        m = Mul (r6, g5)
        p2 = AveragePool <kernel_shape = [2, 2], strides = [1, 1]> (m)
        p3 = GlobalAveragePool (p2)
        f = Flatten (p3)
        y = Gemm (f, k, q)"""
    weights = [
        *((16, 3, 3, 3), (8, 8, 1, 1), (8, 1, 3, 3), (8, 8, 1, 1), (20, 16, 5, 5), (20, 20, 1, 1)),
        *((8, 20, 1, 1), (20, 8, 1, 1)),
    ]
    values: dict[str, object] = {f"w{n}": shape for n, shape in enumerate(weights, 1)}
    values |= {f"b{n}": shape[:1] for n, shape in enumerate(weights, 1)}
    values |= {"halves": [8, 8], "zero": 0.0, "six": 6.0, "k": (20, 10), "q": (10,)}
    values |= {"five": [0, 2, 8, 10, 12], "four": [0, 16, 10, 12]}
    model = graph(nodes, ("N", 3, 20, 24), opset=18, **values)
    strange = {
        "c1": "conv_at", "r1": "main", "c2": "a/b", "c3": "a_b", "c4": "conv", "p1": "load",
        "c5": "*/ int evil[1]; /*", "c6": "relu", "m": "é name", "p2": "7 pools", "y": "memcpy",
    }  # fmt: skip
    for node in model.graph.node:
        node.name = strange.get(node.name, node.name)
    return model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ONNX file of the small network: x (N, 3, 20, 24) to y (N, 10)."""
    return save(everything(), tmp_path_factory.mktemp("onnx"), "tiny")


@pytest.fixture(scope="session")
def folder(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled small network; not to be written to."""
    out = tmp_path_factory.mktemp("compiled")
    compile_onnx(tiny, out)
    return out


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """A copy of it, to be written to."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.fixture(scope="session")
def pair(tiny: Path) -> tuple[Array, Array]:
    """An input of the small network, and what ONNX Runtime makes of it."""
    x = random(1, 1, 3, 20, 24)
    return x, by_onnx_runtime(tiny, x)[0]
