"""Threads meet only in front of layers that read what others have made, and lose nothing by it."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.compiler.exported import OurPath, marked
from tests.compiler.graphs import ONCE, RunC, graph, planned, random, run, save

from martlet.compiler import compile_onnx
from martlet.compiler.kernels.depthwise_pool import Windowed
from martlet.compiler.pipeline import BARRIERS_BUDGET
from martlet.compiler.schedule.barriers import QUICK_MACS
from martlet.compiler.schedule.row_fusion import WAKE_UP_MACS
from martlet.compiler.targets import FLAGS, native

SIDE = 96  # three rows at the end: no two or five threads have as many as the others
NETWORKS = ("mobilenet_v3_small_x0_75", "shufflenet_v1_g3_x0_5", "shufflenet_v2_x0_5")
IN_ORDER = "self->at + 1 < parts ? self->at + 1 : -1"
ORDERS = {"in order": IN_ORDER, "the last one first": "self->at < 0 ? parts - 1 : self->at - 1"}
NOBODY_ELSE = "if (pthread_mutex_trylock(&pool.used)) {"


def in_place() -> onnx.ModelProto:
    """A network in which a layer writes over what the one before has read, with its neighbours."""
    nodes = """
        a = Conv <pads = [1, 1, 1, 1], strides = [4, 4]> (x, w0)
        b = Relu (a)
        c = Conv <pads = [2, 2, 2, 2], group = 40> (b, w1)
        d = Tanh (b)
        e = Mul (c, d)
        f = Conv (e, w2)
        g = GlobalAveragePool (f)
        y = Flatten (g)"""
    weights = {"w0": (40, 3, 3, 3), "w1": (40, 1, 5, 5), "w2": (40, 40, 1, 1)}
    return graph(nodes, (1, 3, SIDE, SIDE), **weights)


@pytest.fixture(scope="module", params=marked(("in_place", *NETWORKS), ["in_place"], NETWORKS))
def network(request: pytest.FixtureRequest, our_path: OurPath) -> onnx.ModelProto:
    return in_place() if request.param == "in_place" else onnx.load(our_path(request.param, SIDE))


@pytest.mark.parametrize(
    ("order", "threads"), [("in order", 2), ("the last one first", 2), ("the last one first", 5)]
)
def test_a_thread_may_be_a_whole_region_ahead(
    network: onnx.ModelProto, tmp_path: Path, program: RunC, order: str, threads: int
) -> None:
    """One thread does all parts of a region, one behind the other, in either order."""
    x = random(1, 1, 3, SIDE, SIDE)
    (expected,) = run(network, {network.graph.input[0].name: x})
    compile_onnx(save(network, tmp_path), tmp_path, threads=threads, weights="file", library=False)
    source = tmp_path / "net.c"
    text = source.read_text()
    assert text.count(IN_ORDER) == text.count(NOBODY_ELSE) == 1
    source.write_text(text.replace(IN_ORDER, ORDERS[order]).replace(NOBODY_ELSE, "if (1) {"))
    flags = [*FLAGS, *native().flags, *ONCE, "-pthread"]
    found = program(tmp_path, x, ["gcc", *flags], name="net")
    assert np.array_equal(found, expected.reshape(-1))


def test_threads_meet_once_for_each_depthwise_convolution(our_path: OurPath) -> None:
    program, schedule = planned(our_path("shufflenet_v2_x1_0", 224), "x86-64-v3", threads=2)
    windows = [layer for layer in program.layers if isinstance(layer, Windowed)]
    ends = 5  # the first band, a layer that takes long, the end, its sum, and the output's copy
    assert len(windows) < len(schedule.regions) <= len(windows) + ends
    assert len(schedule.bands) > 2 * len(windows)


def test_the_first_thread_makes_more_while_others_wake_up(our_path: OurPath) -> None:
    program, schedule = planned(our_path("shufflenet_v2_x1_0", 224), "x86-64-v4", threads=2)
    first, other = schedule.bands[0], next(b for b in schedule.bands[1:] if len(b) > 1)
    ends = [turns[-1][-1] for turns in schedule.turns[first.start]]
    rows = program.layers[first[-1]].rows(schedule)
    macs = sum(program.layers[number].macs for number in first)
    assert ends == [ends[0], rows]
    assert 0 <= ends[0] - (rows - ends[0]) - rows * WAKE_UP_MACS // macs <= 1
    assert [turns[-1][-1] for turns in schedule.turns[other.start]] == [14, 28]


@pytest.mark.slow
def test_long_layers_meet(our_path: OurPath) -> None:
    """Each 1x1 of the wide one has 12 million multiplications: a meeting is nothing beside them."""
    program, schedule = planned(our_path("shufflenet_v2_x2_0", 224), "x86-64-v3", threads=2)
    for band in {*schedule.bands} - {*schedule.regions}:
        assert sum(program.layers[number].macs for number in band) <= QUICK_MACS
    assert max(layer.macs for layer in program.layers) > QUICK_MACS


@pytest.mark.parametrize("more", [BARRIERS_BUDGET, 0.5])
def test_threads_meet_more_often_where_memory_is_worth_more(
    monkeypatch: pytest.MonkeyPatch, more: float
) -> None:
    monkeypatch.setattr("martlet.compiler.pipeline.BARRIERS_BUDGET", more)
    _, schedule = planned(in_place(), "x86-64-v3", threads=2)
    longest = range(1, 5) if more > 1 else range(1)
    assert max(schedule.regions, key=len) == longest
