"""Compiled code under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer.

The weights are read into memory of exactly their size, so that a step beyond them is seen too.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.compiler.exported import by_onnx_runtime, our_file

from martlet.compiler import compile_onnx
from martlet.compiler.targets import native, target

Array = NDArray[np.float32]
Close = Callable[[Array, Array], None]
Program = Callable[..., subprocess.CompletedProcess[bytes]]
MEMORY = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
RACES = ["-g", "-O1", "-fsanitize=thread", "-DAT_ONCE", "-pthread"]
NETWORKS = ("shufflenet_v2_x0_5", "shufflenet_v1_g3_x0_5", "mobilenet_v2_x0_5")


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[str]], None]:
    """Skips where the compiler does not know a sanitizer."""
    folder = tmp_path_factory.mktemp("probe")

    def check(command: list[str]) -> None:
        (folder / "p.c").write_text("int main(void) { return 0; }\n")
        words = [*command, "p.c", "-o", "p"]
        built = subprocess.run(words, cwd=folder, capture_output=True, check=False)
        ran = subprocess.run(["./p"], cwd=folder, capture_output=True, check=False) if (
            built.returncode == 0
        ) else None  # fmt: skip
        if ran is None or ran.returncode:
            pytest.skip(f"{' '.join(command)} does not work here")

    return check


def flags_of(name: str) -> list[str]:
    """What tells the C compiler the target's machine; skips where it does not run."""
    chosen = target(name)
    if not chosen.is_here or chosen.lanes > native().lanes:
        pytest.skip(f"this machine does not run {name}")
    return list(chosen.flags)


@pytest.mark.parametrize(
    ("name", "sanitizers"),
    [
        pytest.param("native", MEMORY, id="memory-native"),
        pytest.param("native", RACES, id="races-native"),
        pytest.param("portable", MEMORY, id="memory-portable"),
        pytest.param("portable", RACES, id="races-portable", marks=pytest.mark.slow),
        pytest.param("x86-64-v3", MEMORY, id="memory-x86-64-v3", marks=pytest.mark.slow),
        pytest.param("x86-64-v3", RACES, id="races-x86-64-v3", marks=pytest.mark.slow),
    ],
)
def test_the_small_network(
    tiny: Path,
    tmp_path: Path,
    program: Program,
    close: Close,
    pair: tuple[Array, Array],
    works: Callable[[list[str]], None],
    name: str,
    sanitizers: list[str],
) -> None:
    works(["gcc", *sanitizers])
    compile_onnx(tiny, tmp_path / "out", target=name, weights="file", library=False)
    done = program(tmp_path / "out", pair[0], ["gcc", *sanitizers, *flags_of(name)])
    assert (done.returncode, done.stderr) == (0, b"")
    close(np.frombuffer(done.stdout, np.float32), pair[1])


@pytest.mark.slow
@pytest.mark.parametrize("model", NETWORKS)
@pytest.mark.parametrize("side", [32, 160])
def test_our_networks(
    tmp_path: Path,
    program: Program,
    close: Close,
    works: Callable[[list[str]], None],
    model: str,
    side: int,
) -> None:
    works(["gcc", *MEMORY])
    path = tmp_path / "net.onnx"
    our_file(path, model, side)
    compile_onnx(path, tmp_path / "out", weights="file", library=False)
    x = np.random.default_rng(0).standard_normal((1, 3, side, side)).astype(np.float32)
    done = program(tmp_path / "out", x, ["gcc", *MEMORY, *flags_of("native")], name="net")
    assert (done.returncode, done.stderr) == (0, b"")
    close(np.frombuffer(done.stdout, np.float32), by_onnx_runtime(path, x))


@pytest.mark.slow
@pytest.mark.parametrize("sanitizers", [MEMORY, RACES], ids=["memory", "races"])
@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("model", NETWORKS)
def test_threads_that_share_a_run(
    tmp_path: Path,
    program: Program,
    close: Close,
    works: Callable[[list[str]], None],
    model: str,
    threads: int,
    sanitizers: list[str],
) -> None:
    """One run after the other; races also while another run does its work alone."""
    works(["gcc", *sanitizers])
    path = tmp_path / "net.onnx"
    our_file(path, model, 96)
    compile_onnx(path, tmp_path / "out", threads=threads, weights="file", library=False)
    x = np.random.default_rng(0).standard_normal((1, 3, 96, 96)).astype(np.float32)
    command = ["gcc", *sanitizers, "-pthread", "-DRUNS=3", *flags_of("native")]
    done = program(tmp_path / "out", x, command, name="net")
    assert (done.returncode, done.stderr) == (0, b"")
    close(np.frombuffer(done.stdout, np.float32), by_onnx_runtime(path, x))
