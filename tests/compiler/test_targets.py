"""Every target gives the same answer on the machine it is for, or one that plays its part."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.compiler.graphs import Pair, RunC, Works, close, runs_here

from martlet.compiler import compile_onnx
from martlet.compiler.targets import NAMES, TARGETS, here, native, second_cache, target
from martlet.errors import MartletError

EMULATED = {
    "aarch64": ("qemu-aarch64", "aarch64-linux-musl", ()),
    "riscv64": ("qemu-riscv64", "riscv64-linux-musl", ("-cpu", "rv64,v=true,vext_spec=v1.0")),
}
NODE = """
const { readFileSync, writeFileSync } = require("fs");
const module_ = new WebAssembly.Module(readFileSync(process.argv[2]));
if (WebAssembly.Module.imports(module_).length) throw "imports";
const net = new WebAssembly.Instance(module_, {}).exports;
if (net._initialize) net._initialize();
const x = new Uint8Array(readFileSync(process.argv[3]));
const start = net.__heap_base.value, end = start + x.length, work = end + 40;
net.memory.grow(Math.ceil((work + net.tiny_workspace_bytes()) / 65536));
new Uint8Array(net.memory.buffer).set(x, start);
net.tiny_run(start, end, work);
writeFileSync(process.argv[4], new Uint8Array(net.memory.buffer, end, 40));
"""


def test_what_runs_here() -> None:
    assert native().is_here
    assert target("portable").is_here
    assert {name for name in NAMES if target(name).is_here} >= {"native", "portable"}


def test_the_second_cache_is_the_systems_word(tmp_path: Path) -> None:
    assert second_cache(tmp_path / "nowhere") == 0
    for number, (level, size) in enumerate([("1", "48K"), ("2", "many"), ("2", "1280K")]):
        index = tmp_path / f"index{number}"
        index.mkdir()
        (index / "level").write_text(f"{level}\n")
        (index / "size").write_text(f"{size}\n")
    (tmp_path / "index9").mkdir()  # says nothing
    assert second_cache(tmp_path) == 1280 * 1024
    (tmp_path / "index2" / "size").write_text("?")
    assert second_cache(tmp_path) == 0


@pytest.mark.parametrize("name", ["native", "x86-64-v3", "x86-64-v4", "portable"])
def test_on_this_machine(tiny: Path, tmp_path: Path, pair: Pair, name: str, cc: list[str]) -> None:
    if not runs_here(name):
        pytest.skip(f"this machine does not run {name}")
    compiler = "gcc" if cc == ["gcc"] else "zig"
    net = compile_onnx(tiny, tmp_path, target=name, compiler=compiler)
    close(net(pair[0]), pair[1])


@pytest.mark.slow  # zig builds its libc for a machine first, once
@pytest.mark.parametrize("name", sorted(EMULATED))
def test_on_a_machine_that_is_played(
    tiny: Path, tmp_path: Path, pair: Pair, program: RunC, zig_cc: list[str], name: str
) -> None:
    emulator, triple, options = EMULATED[name]
    if not shutil.which(emulator):
        pytest.skip(f"{emulator} is not installed (Debian: qemu-user)")
    net = compile_onnx(tiny, tmp_path / "out", target=name)
    assert net.description.library == "tiny.so"
    cpu = [word for word in TARGETS[name].zig if word.startswith("-mcpu")]
    command = [*zig_cc, "-target", triple, *cpu, "-static", "-O3"]
    close(program(tmp_path / "out", pair[0], command, through=(emulator, *options)), pair[1])
    if here().machine != TARGETS[name].machine:
        with pytest.raises(MartletError, match=rf"target='{name}' .* does not run here"):
            net(pair[0])


@pytest.mark.usefixtures("zig_cc")
def test_in_a_browsers_engine(tiny: Path, tmp_path: Path, pair: Pair) -> None:
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    net = compile_onnx(tiny, tmp_path, target="wasm32")
    x, y, script = tmp_path / "x.bin", tmp_path / "y.bin", tmp_path / "run.js"
    x.write_bytes(pair[0].tobytes())
    script.write_text(NODE)
    library = tmp_path / str(net.description.library)
    subprocess.run(["node", script, library, x, y], check=True)
    close(np.fromfile(y, np.float32), pair[1])


@pytest.mark.usefixtures("zig_cc")
@pytest.mark.parametrize(
    ("name", "ending", "magic"),
    [
        ("aarch64-macos", ".dylib", b"\xcf\xfa\xed\xfe"),
        pytest.param("x86-64-v3-windows", ".dll", b"MZ", marks=pytest.mark.slow),
    ],
)
def test_libraries_of_other_systems(
    tiny: Path, tmp_path: Path, name: str, ending: str, magic: bytes
) -> None:
    net = compile_onnx(tiny, tmp_path, target=name)
    assert net.description.library == f"tiny{ending}"
    content = (tmp_path / f"tiny{ending}").read_bytes()
    assert content.startswith(magic)
    assert b"tiny_sizes" in content
    assert str(tmp_path).encode() not in content  # the same wherever it is built
    written = {path.name for path in tmp_path.iterdir()} - {"tiny.lib"}
    assert written == {f"tiny{end}" for end in (".bin", ".c", ".h", ".json", ending)}


@pytest.mark.parametrize("flags", [["-std=c11", "-pedantic-errors"], ["-m32"]])
def test_portable_is_plain_c(
    tiny: Path, tmp_path: Path, pair: Pair, program: RunC, works: Works, flags: list[str]
) -> None:
    compile_onnx(tiny, tmp_path / "out", target="portable", weights="file", library=False)
    words = ["gcc", *flags, "-Wall", "-Wextra", "-Werror"]
    works(words)
    close(program(tmp_path / "out", pair[0], [*words, "-O1"]), pair[1])


def test_portable_by_a_compiler_without_vectors(
    tiny: Path, tmp_path: Path, pair: Pair, program: RunC
) -> None:
    if not shutil.which("tcc"):
        pytest.skip("tcc is not installed")
    for weights in ("file", "text"):
        compile_onnx(tiny, tmp_path / "out", target="portable", weights=weights, library=False)
        close(program(tmp_path / "out", pair[0], ["tcc"]), pair[1])
