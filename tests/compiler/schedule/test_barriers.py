"""Threads meet only in front of layers that read what others have made, and lose nothing by it."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.compiler.exported import our_file

from martlet.compiler import compile_onnx
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.kernels.depthwise_pool import Windowed
from martlet.compiler.pipeline import MORE, make_program
from martlet.compiler.schedule.barriers import QUICK, foreign
from martlet.compiler.schedule.row_fusion import LATE
from martlet.compiler.targets import FLAGS, native, target

SIDE = 96  # three rows at the end: no two or five threads have as many as the others
SLOW = (
    "shufflenet_v1_g3_x0_5",
    "mobilenet_v1_x0_25",
    "mobilenet_v2_x0_35",
    "mobilenet_v3_small_x0_75",
    "se_resnet18",
    "cbam_resnet18",
    "se_shufflenet_v1_g3_x1_0",
)
NETWORKS = ["shufflenet_v2_x0_5", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
IN_ORDER = "self->at + 1 < parts ? self->at + 1 : -1"
ORDERS = {"in order": IN_ORDER, "the last one first": "self->at < 0 ? parts - 1 : self->at - 1"}
NOBODY_ELSE = "if (pthread_mutex_trylock(&pool.used)) {"


IN_PLACE = f"""
  <ir_version: 9, opset_import: ["" : 17]>
  in_place (float[1, 3, {SIDE}, {SIDE}] x) => (float[1, 40] y)
  {{
    a = Conv <pads = [1, 1, 1, 1], strides = [4, 4]> (x, w0)
    b = Relu (a)
    c = Conv <pads = [2, 2, 2, 2], group = 40> (b, w1)
    d = Tanh (b)
    e = Mul (c, d)
    f = Conv (e, w2)
    g = GlobalAveragePool (f)
    y = Flatten (g)
  }}"""


def write_in_place(path: Path) -> None:
    """A network in which a layer writes over what the one before has read, with its neighbours."""
    model, rng = onnx.parser.parse_model(IN_PLACE), np.random.default_rng(3)
    for name, shape in {"w0": (40, 3, 3, 3), "w1": (40, 1, 5, 5), "w2": (40, 40, 1, 1)}.items():
        weight = rng.standard_normal(shape, np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(weight, name))
    onnx.save(model, path)


@pytest.fixture(scope="module", params=["in_place", *NETWORKS])
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("networks") / f"{request.param}.onnx"
    if request.param == "in_place":
        write_in_place(path)
    else:
        our_file(path, request.param, SIDE)
    return path


def regions(schedule: Schedule) -> Iterator[list[range]]:
    """The bands of each barrier-free region."""
    for region in schedule.regions:
        yield [band for band in schedule.bands if band.start in region]


@pytest.mark.parametrize(
    ("order", "threads"),
    [
        ("in order", 2),
        ("the last one first", 2),
        pytest.param("the last one first", 5, marks=pytest.mark.slow),
    ],
)
def test_a_thread_may_be_a_whole_region_ahead(
    network: Path,
    tmp_path: Path,
    program: Callable[..., subprocess.CompletedProcess[bytes]],
    order: str,
    threads: int,
) -> None:
    """One thread does all parts of a region, one behind the other, in either order."""
    x = np.random.default_rng(1).standard_normal((1, 3, SIDE, SIDE), np.float32)
    expected = compile_onnx(network, tmp_path / "one")(x)
    compile_onnx(
        network, tmp_path / "several", name="tiny", threads=threads, weights="file", library=False
    )
    source = tmp_path / "several" / "tiny.c"
    text = source.read_text()
    assert text.count(IN_ORDER) == text.count(NOBODY_ELSE) == 1
    source.write_text(text.replace(IN_ORDER, ORDERS[order]).replace(NOBODY_ELSE, "if (1) {"))
    done = program(source.parent, x, ["gcc", *FLAGS, *native().flags, "-pthread"])
    found = np.frombuffer(done.stdout, np.float32).reshape(expected.shape)
    assert np.array_equal(found, expected)


def test_nothing_made_in_a_region_is_read_by_others_before_the_barrier(network: Path) -> None:
    program, schedule = make_program(network, target("x86-64-v3"), threads=3)
    assert [n for region in schedule.regions for n in region] == [*range(len(program.layers))]
    for bands in regions(schedule):
        written = set[int]()
        assert len({program.layers[band[-1]].rows(schedule) for band in bands}) == 1
        for band in bands:
            layers = [program.layers[number] for number in band]
            for layer in layers:
                others = foreign(layer, schedule, layer is layers[-1])
                assert written.isdisjoint(id(buffer) for buffer in others)
            written |= {id(b) for layer in layers for b in layer.writes}


def test_threads_meet_once_for_each_depthwise_convolution(tmp_path: Path) -> None:
    our_file(tmp_path / "net.onnx", "shufflenet_v2_x1_0", 224)
    program, schedule = make_program(tmp_path / "net.onnx", target("x86-64-v3"), threads=2)
    windows = [layer for layer in program.layers if isinstance(layer, Windowed)]
    ends = 5  # the first band, a layer that takes long, the end, its sum, and the output's copy
    assert len(windows) < len(schedule.regions) <= len(windows) + ends
    assert len(schedule.bands) > 2 * len(windows)


def test_the_first_thread_makes_more_while_others_wake_up(tmp_path: Path) -> None:
    our_file(tmp_path / "net.onnx", "shufflenet_v2_x1_0", 224)
    program, schedule = make_program(tmp_path / "net.onnx", native(), threads=2)
    first, other = schedule.bands[0], next(b for b in schedule.bands[1:] if len(b) > 1)
    ends = [turns[-1][-1] for turns in schedule.turns[first.start]]
    rows = program.layers[first[-1]].rows(schedule)
    macs = sum(program.layers[number].macs for number in first)
    assert ends == [ends[0], rows]
    assert 0 <= ends[0] - (rows - ends[0]) - rows * LATE // macs <= 1
    assert [turns[-1][-1] for turns in schedule.turns[other.start]] == [14, 28]


def test_long_layers_meet(tmp_path: Path) -> None:
    """Each 1x1 of the wide one has 12 million multiplications: a meeting is nothing beside them."""
    our_file(tmp_path / "net.onnx", "shufflenet_v2_x2_0", 224)
    program, schedule = make_program(tmp_path / "net.onnx", target("x86-64-v3"), threads=2)
    for bands in regions(schedule):
        macs = [sum(program.layers[number].macs for number in band) for band in bands]
        assert len(bands) == 1 or max(macs) <= QUICK
    assert max(layer.macs for layer in program.layers) > QUICK


@pytest.mark.parametrize("more", [MORE, 0.5])
def test_threads_meet_more_often_where_memory_is_worth_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: float
) -> None:
    monkeypatch.setattr("martlet.compiler.pipeline.MORE", more)
    write_in_place(tmp_path / "net.onnx")
    _, schedule = make_program(tmp_path / "net.onnx", target("x86-64-v3"), threads=2)
    assert (schedule.regions == schedule.bands) == (more < 1)
