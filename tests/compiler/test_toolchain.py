import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from martlet.compiler import compile_onnx
from martlet.compiler.targets import target
from martlet.compiler.toolchain import build, find_compiler
from martlet.errors import MartletError

NATIVE, ARM = target("native"), target("aarch64")
FOREIGN = ARM if NATIVE.machine != "aarch64" else target("x86-64-v3")


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let the C compilers called `names` be missing; "zig" is the package."""
    which = shutil.which
    patched = "martlet.compiler.toolchain"
    monkeypatch.setattr(
        f"{patched}.shutil.which", lambda name: None if name in names else which(name)
    )
    if "zig" in names:
        found = find_spec
        monkeypatch.setattr(
            f"{patched}.find_spec", lambda name: None if name == "ziglang" else found(name)
        )


def test_the_systems_compiler_for_this_machine_and_zig_for_others() -> None:
    if shutil.which("cc"):
        assert find_compiler(None, NATIVE) == [shutil.which("cc")]
    if find_spec("ziglang"):
        assert find_compiler(None, FOREIGN)[1:] == ["-m", "ziglang", "cc"]


def test_zig_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ziglang")
    without(monkeypatch, "cc")
    assert "ziglang" in find_compiler(None, NATIVE)


@pytest.mark.parametrize(
    ("name", "chosen", "sentence"),
    [
        (None, NATIVE, "no C compiler for target='native': install gcc or clang, or pip install"),
        (None, FOREIGN, "install a compiler for .*, or pip install ziglang"),
        ("zig", NATIVE, "compiler='zig' is not there: pip install ziglang"),
        ("gcc-99", NATIVE, "compiler='gcc-99' is not there: install it"),
    ],
)
def test_no_compiler_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str | None, chosen: object, sentence: str
) -> None:
    without(monkeypatch, "cc", "zig")
    with pytest.raises(MartletError, match=sentence) as caught:
        find_compiler(name, chosen)
    assert "--no-build" in str(caught.value)


def test_what_the_compiler_says_is_told(tmp_path: Path, cc: list[str]) -> None:
    source = tmp_path / "bad.c"
    source.write_text("int f(void) { return missing; }\n")
    name = "zig" if cc[-1] == "cc" else cc[0]
    with pytest.raises(MartletError, match=r"refuses bad\.c .*missing"):
        build(source, tmp_path / "bad.so", NATIVE, name, [])
    assert [path.name for path in tmp_path.iterdir()] == ["bad.c"]


def test_a_compiler_that_does_not_run(tmp_path: Path, tiny: Path) -> None:
    broken = tmp_path / "mycc"
    broken.write_text("no program\n")
    broken.chmod(0o755)
    with pytest.raises(MartletError, match="does not run"):
        compile_onnx(tiny, tmp_path / "out", compiler=str(broken))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 0", r"mycc refuses tiny.c for target='native' \(it made no file\)\.$"),
        ("printf 'one\n two.\n' >&2; exit 1", r"\(one two\)\.$"),
        ("printf 'note\n3: error: x\nmore' >&2; exit 1", r"\(3: error: x\)\.$"),
    ],
)
def test_what_a_compiler_complains_of_is_one_line(
    tmp_path: Path, tiny: Path, script: str, sentence: str
) -> None:
    compiler = tmp_path / "mycc"
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    compiler.chmod(0o755)
    with pytest.raises(MartletError, match=sentence):
        compile_onnx(tiny, tmp_path / "out", compiler=str(compiler))
    with pytest.raises(MartletError, match="compiler=5 is not accepted"):
        compile_onnx(tiny, tmp_path / "out", compiler=5)


@pytest.mark.usefixtures("zig_cc")
def test_two_folders_at_once(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a relative folder, from a folder with a blank
    net = compile_onnx(tiny, Path("with blank/out"), compiler="zig")
    assert net.folder == Path("with blank/out")
    library = tmp_path / "with blank" / "out" / str(net.description.library)
    assert b"with blank" not in library.read_bytes()  # nothing of this machine's folders
