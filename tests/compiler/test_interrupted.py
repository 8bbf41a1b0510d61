"""Compilations that are ended while the C compiler runs, and several into one folder."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from martlet.compiler import CompiledNetwork, compile_onnx

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

# Says where it runs and what it started, and never ends by itself. A good compiler removes its
# files when it is told to end; this one removes `scratch`.
SLOW = """#!/bin/sh
touch scratch
sleep 1000 &
trap 'rm {folder}/scratch; exit 1' TERM
echo $$ $! "$PWD" > {folder}/started.new
touch {folder}/scratch
mv {folder}/started.new {folder}/started
wait
"""
COMPILE = """
import sys
from martlet.compiler import compile_onnx
model, out, weights = sys.argv[1:]
sys.stdin.readline()
for _ in range(9):
    compile_onnx(model, out, weights=weights, library=False)
"""


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def runs(process: int) -> bool:
    """Whether it does; one that has ended and was not asked for its status does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def begin(model: Path, out: Path, folder: Path) -> tuple[subprocess.Popen[str], list[int], Path]:
    """The command in the midst of its C compiler, the processes of that, and where they are."""
    compiler = folder / "slow"
    compiler.write_text(SLOW.format(folder=folder))
    compiler.chmod(0o755)
    words = ["compile", str(model), "-o", str(out), "--compiler", str(compiler)]
    process = subprocess.Popen(
        [sys.executable, "-m", "martlet", *words], stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: (folder / "started").exists() or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    first, second, place = (folder / "started").read_text().split()
    return process, [int(first), int(second)], Path(place)


@pytest.fixture(params=[signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal that programs started now do not ignore, as they would behind nohup."""
    before = signal.getsignal(request.param)
    if before == signal.SIG_IGN:
        signal.signal(request.param, signal.SIG_DFL)
    yield request.param
    signal.signal(request.param, before)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")
def test_a_signal_leaves_nothing(tiny: Path, tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "out"
    if number == signal.SIGTERM:  # what was there before stays
        compile_onnx(tiny, out, library=False)
    before = {path.name: path.read_bytes() for path in out.iterdir()} if out.exists() else None
    process, others, place = begin(tiny, out, tmp_path)
    assert place.parent == out
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert process.communicate()[1] == ""
    wait_for(lambda: not any(map(runs, others)))
    assert not (tmp_path / "scratch").exists()
    if before is None:
        assert not out.exists()
    else:
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_what_a_kill_leaves_is_gone_after_the_next_time(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process, others, place = begin(tiny, out, tmp_path)
    compile_onnx(tiny, out, library=False)  # the other still lives: what is its own stays
    assert place.is_dir()
    process.kill()
    process.communicate()
    os.killpg(others[0], signal.SIGKILL)
    assert place.is_dir()
    compile_onnx(tiny, out, library=False)
    assert sorted(path.suffix for path in out.iterdir()) == [".bin", ".c", ".h", ".json"]


def test_two_at_once_leave_the_files_of_one(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ways = {"text": [".c", ".h", ".json", "_weights.h"], "file": [".bin", ".c", ".h", ".json"]}
    words = [sys.executable, "-c", COMPILE, str(tiny), str(out)]
    both = [subprocess.Popen([*words, way], stdin=subprocess.PIPE, text=True) for way in ways]
    for process in both:
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait(300) for process in both] == [0, 0]
    way = CompiledNetwork(out).description.weights
    assert sorted(path.name.removeprefix("tiny") for path in out.iterdir()) == ways[way]
    header = compile_onnx(tiny, tmp_path / "alone", weights=way, library=False).folder / "tiny.h"
    assert (out / "tiny.h").read_text() == header.read_text()
