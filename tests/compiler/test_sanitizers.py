"""Compiled code under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer.

The weights are read into memory of exactly their size, so that a step beyond them is seen too.
"""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import onnx
import pytest
from tests.compiler.exported import OurPath, marked
from tests.compiler.graphs import (
    Pair,
    RunC,
    Works,
    by_onnx_runtime,
    choosing,
    close,
    random,
    runs_here,
)

from martlet.compiler import compile_onnx
from martlet.compiler.targets import target

MEMORY = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
RACES = ["-g", "-O1", "-fsanitize=thread", "-DAT_ONCE", "-pthread"]
NETWORKS = ("shufflenet_v2_x0_5", "shufflenet_v1_g3_x0_5", "mobilenet_v2_x0_5")
CASES = (  # a network, the side of its pictures, threads, and what is looked for
    *product(NETWORKS, (32, 160), (1,), ("memory",)),
    *product(NETWORKS, (96,), (2, 5), ("memory", "races")),
)
SLOW = (
    ("shufflenet_v2_x0_5", 160, 1, "memory"),
    ("shufflenet_v1_g3_x0_5", 96, 5, "memory"),
    ("mobilenet_v2_x0_5", 96, 2, "races"),
    ("shufflenet_v2_x0_5", 96, 5, "races"),
)


def flags_of(name: str) -> list[str]:
    """What tells the C compiler the target's machine; skips where it does not run."""
    if not runs_here(name):
        pytest.skip(f"this machine does not run {name}")
    return list(target(name).flags)


@pytest.mark.parametrize(
    ("name", "sanitizers"),
    [
        pytest.param("native", MEMORY, id="memory-native"),
        pytest.param("native", RACES, id="races-native"),
        pytest.param("portable", MEMORY, id="memory-portable", marks=pytest.mark.slow),
        pytest.param("portable", RACES, id="races-portable", marks=pytest.mark.long),
        pytest.param("x86-64-v3", MEMORY, id="memory-x86-64-v3", marks=pytest.mark.slow),
        pytest.param("x86-64-v3", RACES, id="races-x86-64-v3", marks=pytest.mark.long),
    ],
)
def test_the_small_network(
    tiny: Path,
    tmp_path: Path,
    program: RunC,
    pair: Pair,
    works: Works,
    name: str,
    sanitizers: list[str],
) -> None:
    works(["gcc", *sanitizers])
    compile_onnx(tiny, tmp_path / "out", target=name, weights="file", library=False)
    close(program(tmp_path / "out", pair[0], ["gcc", *sanitizers, *flags_of(name)]), pair[1])


@pytest.mark.slow
def test_operators_that_choose_read_and_repeat(
    sanitized: Callable[[onnx.ModelProto], None],
) -> None:
    sanitized(choosing())


@pytest.mark.parametrize(
    "case", marked(CASES, slow=SLOW), ids=lambda case: "-".join(map(str, case))
)
def test_our_networks(
    our_path: OurPath, tmp_path: Path, program: RunC, works: Works, case: tuple[str, int, int, str]
) -> None:
    """Threads share one run after the other; races also while another run does its work alone."""
    name, side, threads, kind = case
    sanitizers = {"memory": MEMORY, "races": RACES}[kind]
    works(["gcc", *sanitizers])
    path, x = our_path(name, side), random(0, 1, 3, side, side)
    compile_onnx(path, tmp_path, name="net", threads=threads, weights="file", library=False)
    command = ["gcc", *sanitizers, "-pthread", "-DRUNS=3", *flags_of("native")]
    close(program(tmp_path, x, command, name="net"), *by_onnx_runtime(path, x))
