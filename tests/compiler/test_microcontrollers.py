"""The example for microcontrollers: a Cortex-M7 under QEMU gives what ONNX Runtime gives."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.compiler.exported import OurPath
from tests.compiler.graphs import by_onnx_runtime, close, random

from martlet.compiler import compile_onnx

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "microcontroller"
PAGE = Path(__file__).parent.parent.parent / "docs" / "microcontrollers.md"
NEEDED = ("arm-none-eabi-gcc", "qemu-system-arm")
missing = [program for program in NEEDED if shutil.which(program) is None]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing), reason=f"{missing} not here")]


def commands() -> list[str]:
    """The lines of the page that build and run."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    joined = "\n".join(line[4:] for line in lines if line.startswith("    ")).replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.startswith(NEEDED)]


@pytest.mark.parametrize("name", ["shufflenet_v2_x0_5", "shufflenet_v1_g3_x0_25"])
def test_as_the_page_says(our_path: OurPath, tmp_path: Path, name: str) -> None:
    path, x = our_path(name, 32), random(0, 1, 3, 32, 32)
    out = tmp_path / "out"
    limits = {"max_ram": 60_000, "max_flash": 1_500_000}
    compile_onnx(path, out, name="network", target="portable", library=False, **limits)
    shutil.copytree(EXAMPLE, tmp_path / "examples" / "microcontroller")
    x.tofile(tmp_path / "input.bin")
    built, ran = commands()
    for command in (built, ran):
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stderr
    counted, stack = (int(line.split()[1]) for line in done.stdout.splitlines()[-2:])
    assert counted > 100_000
    assert 0 < stack < 2000
    close(np.fromfile(tmp_path / "output.bin", np.float32), *by_onnx_runtime(path, x))
