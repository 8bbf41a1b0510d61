"""Compiled code under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer.

The weights are read into memory of exactly their size, so that a step beyond them is seen too.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from swiftlet.compiler import compile_onnx
from swiftlet.compiler.targets import native, target
from swiftlet.exporting import export_onnx
from swiftlet.models import create_model

Array = NDArray[np.float32]
Close = Callable[[Array, Array], None]
Program = Callable[..., subprocess.CompletedProcess[bytes]]
MEMORY = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
RACES = ["-g", "-O1", "-fsanitize=thread", "-DTHREADS", "-pthread"]
TARGETS = ("native", "x86-64-v3", "portable")
SLOW = ("shufflenet_v1_g3_x0_5", "mobilenet_v2_x0_5")
NETWORKS = ["shufflenet_v2_x0_5", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]


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


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("sanitizers", [MEMORY, RACES], ids=["memory", "races"])
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


@pytest.mark.parametrize("model", NETWORKS)
@pytest.mark.parametrize("side", [32, pytest.param(160, marks=pytest.mark.slow)])
def test_our_networks(
    tmp_path: Path,
    program: Program,
    close: Close,
    works: Callable[[list[str]], None],
    model: str,
    side: int,
) -> None:
    works(["gcc", *MEMORY])
    torch.manual_seed(0)
    net = create_model(model, num_classes=7)
    with torch.no_grad():
        net(torch.randn(4, 3, 64, 64))
    path = tmp_path / "net.onnx"
    export_onnx(net, path, preprocess=None, shape=(3, side, side), classes=list("abcdefg"))
    compile_onnx(path, tmp_path / "out", weights="file", library=False)
    x = np.random.default_rng(0).standard_normal((1, 3, side, side)).astype(np.float32)
    done = program(tmp_path / "out", x, ["gcc", *MEMORY, *flags_of("native")], name="net")
    assert (done.returncode, done.stderr) == (0, b"")
    with torch.inference_mode():
        expected = net.eval()(torch.from_numpy(x)).numpy()
    close(np.frombuffer(done.stdout, np.float32), expected)
