import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.compiler.graphs import graph, planned

from martlet.compiler import compile_onnx
from martlet.compiler.codegen.emit import emit
from martlet.compiler.codegen.header import description
from martlet.compiler.targets import target


def test_the_header_says_the_sizes(tiny: Path, tmp_path: Path) -> None:
    about = compile_onnx(tiny, tmp_path, library=False).description
    said = dict(re.findall(r"#define TINY_(\w+) (\d+)", (tmp_path / "tiny.h").read_text()))
    assert said == {
        "INPUT0_FLOATS": "1440",
        "OUTPUT0_FLOATS": "10",
        "MACS": str(about.macs),
        "WEIGHT_BYTES": str(about.weight_bytes),
        "WORKSPACE_BYTES": str(about.workspace_bytes),
    }
    header = (tmp_path / "tiny.h").read_text()
    assert "x: float32 1x3x20x24" in header
    assert "fused into others" in header
    assert f"{about.macs:,} MACs" in header
    assert about.weight_bytes == (tmp_path / "tiny.bin").stat().st_size


@pytest.mark.parametrize("compiler", ["c++", "clang++"])
def test_the_header_is_cplusplus_too(tiny: Path, tmp_path: Path, compiler: str) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    compile_onnx(tiny, tmp_path, library=False)
    (tmp_path / "user.cc").write_text('#include "tiny.h"\nauto *f = &tiny_run;\n')
    words = [compiler, "-Wall", "-Wextra", "-Werror", "-c", "user.cc", "-o", "user.o"]
    subprocess.run(words, cwd=tmp_path, check=True)


def test_what_was_fused_is_counted_by_facts_not_by_the_words_of_a_summary() -> None:
    """ "16 maps + one map" of a sum says nothing of a fused layer."""
    nodes = """
        c = Conv (x, w)
        r = Relu (c)
        m = ReduceMax <axes = [1], keepdims = 1> (r)
        y = Add (r, m)"""
    model = graph(nodes, (1, 3, 8, 8), w=(16, 3, 1, 1))
    program, schedule = planned(model, "x86-64-v3")
    assert any(" + one map" in layer.summary() for layer in program.layers)
    facts = emit(program, schedule, target("x86-64-v3")).facts
    assert "4 nodes became 4 layers; fused into others: 1 relu" in description(facts)
