"""Squares turned in registers: between blocks of channels and maps, of any sizes."""

from collections.abc import Callable

import onnx
import pytest
from tests.compiler.exported import marked
from tests.compiler.graphs import agree, graph, planned

from martlet.compiler.codegen.emit import emit
from martlet.compiler.targets import target

OUT = "y = Conv (x, w)"
CASES = [(16, 5, 7), (16, 4, 4), (21, 6, 9), (40, 5, 5), (3, 8, 8), (64, 4, 5), (37, 3, 11)]


def out_of_blocks(channels: int, height: int, width: int) -> onnx.ModelProto:
    return graph(OUT, (1, 3, height, width), w=(channels, 3, 1, 1))


def into_blocks(channels: int, height: int, width: int) -> onnx.ModelProto:
    """A generic operator's maps lie one behind the other."""
    nodes = f"a = Sin (x) y = Conv <group = {channels}, pads = [1, 1, 1, 1]> (a, w)"
    return graph(nodes, (1, channels, height, width), w=(channels, 1, 3, 3))


def source(model: onnx.ModelProto, machine: str) -> str:
    program, schedule = planned(model, machine)
    made = emit(program, schedule, target(machine), weights="embedded", made_from="a.onnx")
    return made.source


@pytest.mark.parametrize("machine", ["x86-64-v4", "x86-64-v3", "portable"])
@pytest.mark.parametrize("make", [out_of_blocks, into_blocks])
@pytest.mark.parametrize("sides", marked(CASES, CASES[2:3]))
def test_every_number_comes_where_it_belongs(
    make: Callable[..., onnx.ModelProto], sides: tuple[int, int, int], machine: str
) -> None:
    agree(make(*sides), targets=[machine])


def test_whole_squares_are_turned_and_few_channels_are_not() -> None:
    assert "out_of_blocks_16" in source(out_of_blocks(37, 4, 5), "x86-64-v4")
    assert "out_of_blocks_5" in source(out_of_blocks(37, 4, 5), "x86-64-v4")
    assert "out_of_blocks" not in source(out_of_blocks(3, 8, 8), "x86-64-v4")
    assert "out_of_blocks" not in source(out_of_blocks(37, 3, 5), "x86-64-v4")  # 15 places
    assert "into_blocks_8" in source(into_blocks(40, 5, 5), "x86-64-v3")
    assert "_blocks_" not in source(into_blocks(40, 5, 5), "portable")


@pytest.mark.slow
def test_memory(sanitized: Callable[[onnx.ModelProto], None]) -> None:
    """The last square reads and writes nothing beyond."""
    sanitized(out_of_blocks(21, 3, 7))
    sanitized(into_blocks(37, 3, 11))
