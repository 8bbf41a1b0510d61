import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.compiler.graphs import Pair, agree, graph

from martlet.compiler import compile_onnx, targets
from martlet.compiler.codegen.c_text import LINE_CHARACTERS
from martlet.compiler.runtime.library import load_library

STRICT = ["-std=gnu11", "-Wall", "-Wextra", "-Werror"]
TARGETS = ("x86-64-v4", "x86-64-v3", "aarch64", "portable")


@pytest.mark.parametrize("target", TARGETS)
def test_the_c_file_reads_well(tiny: Path, tmp_path: Path, target: str) -> None:
    compile_onnx(tiny, tmp_path, target=target, library=False)
    source = (tmp_path / "tiny.c").read_text(encoding="ascii")
    assert all(len(line) <= LINE_CHARACTERS for line in source.splitlines())
    assert "/* a/b: 1x1 + relu, 8x10x12 -> 8x10x12; 7,680 MACs */" in source
    run = source.partition("void tiny_run(")[2].partition("\n}\n")[0]
    calls = re.findall(r"^  (\w+)\(", run, re.MULTILINE)
    assert calls.pop(0) == "__asm__"
    assert calls[1] == "a_b_layer"  # "a/b" in C
    assert len(calls) == len(set(calls))
    for call in calls:  # one function per node, below a comment
        assert len(re.findall(rf"^static void {call}\(", source, re.MULTILINE)) == 1
    assert "malloc" not in source


@pytest.mark.parametrize(
    ("target", "weights"),
    [
        *((target, "embedded") for target in TARGETS),
        ("portable", "text"),  # a few lines that hang on no target
        ("portable", "file"),
    ],
)
def test_no_compiler_warns(
    tiny: Path, tmp_path: Path, cc: list[str], target: str, weights: str
) -> None:
    if target == "aarch64" and cc[-1] != "cc":
        pytest.skip("the system's compiler builds for this machine")
    net = compile_onnx(tiny, tmp_path, target=target, weights=weights, library=False)
    chosen = targets.target(target)
    words = chosen.zig if cc[-1] == "cc" and chosen.zig else chosen.flags
    done = subprocess.run(
        [*cc, *STRICT, *words, "-O1", "-c", f"{net.description.name}.c", "-o", "tiny.o"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_is_allocated_and_nothing_is_kept(tiny: Path, tmp_path: Path) -> None:
    if not shutil.which("gcc") or not shutil.which("nm"):
        pytest.skip("gcc or nm is not installed")
    compile_onnx(tiny, tmp_path, library=False)
    words = ["gcc", "-O2", "-march=native", "-c", "tiny.c", "-o", "tiny.o"]
    subprocess.run(words, cwd=tmp_path, check=True)
    words = ["nm", "tiny.o"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    symbols = [line.split()[-2:] for line in done.stdout.splitlines()]
    functions = {f"tiny_{word}" for word in ("run", "description", "workspace_bytes")}
    assert {name for kind, name in symbols if kind == "T"} == functions
    outside = {name for kind, name in symbols if kind == "U"}
    assert outside <= {"memcpy", "memset", "expf", "tanhf", "_GLOBAL_OFFSET_TABLE_"}
    assert not [name for kind, name in symbols if kind in "BbDdCS"]  # memory that can be written


def test_names_that_c_does_not_know(tiny: Path, tmp_path: Path) -> None:
    renamed = shutil.copy(tiny, tmp_path / "3 élan-net.v2.onnx")
    net = compile_onnx(renamed, tmp_path / "out", library=False)
    assert net.description.name == "n3__lan_net_v2"
    named = compile_onnx(tiny, tmp_path / "out", name="my net", library=False)
    assert named.description.name == "my_net"
    for header in ("stdio", "time", "math"):  # with -I of the folder it would hide the system's
        named = compile_onnx(tiny, tmp_path / "out", name=header, library=False)
        assert named.description.name == f"{header}_net"


def test_a_network_without_weights() -> None:
    agree(graph("pool = MaxPool <kernel_shape = [2, 2]> (x)", (1, 2, 5, 6), "pool"), limit=0)


def test_arrays_may_lie_anywhere(tiny: Path, tmp_path: Path, pair: Pair) -> None:
    net = compile_onnx(tiny, tmp_path / "out")
    x, expected = pair
    library = load_library(tmp_path / "out" / str(net.description.library))
    for shift in (1, 2, 3, 5):
        source = np.zeros(x.size + 16, np.float32)[shift:]
        source[: x.size] = x.reshape(-1)
        target = np.zeros(32, np.float32)[shift:]
        work = np.full(net.description.workspace_bytes + 64, 255, np.uint8)[shift:]
        places = (array.ctypes.data for array in (source, target, work))
        library.tiny_run(*map(ctypes.c_void_p, places))
        np.testing.assert_allclose(target[:10], expected[0], rtol=1e-4, atol=1e-5)
        assert not target[10:].any()
