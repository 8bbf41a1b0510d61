"""The workspace: no two values in one place at a time, and not much larger than it must be."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
from tests.compiler.exported import NETWORKS, marked, our_file
from tests.compiler.graphs import graph, planned, simplified
from tests.compiler.shadow_memory import check_memory

from martlet.compiler.kernels.winograd import InputTiles
from martlet.compiler.lowering.lower import lower
from martlet.compiler.pipeline import FAST_BYTES, TILES_BUDGET
from martlet.compiler.schedule import memory
from martlet.compiler.schedule.memory import plan_memory
from martlet.compiler.schedule.memory_budget import bound
from martlet.compiler.targets import TARGETS, target
from martlet.models import list_models

QUICK = (
    *("shufflenet_v1_g3_x0_5", "shufflenet_v2_authors_x0_5", "mobilenet_v2_x0_5"),
    *("hybridsn_salinas", "mobilenet_v3_small_x1_0", "se_resnet20"),
)
SLOW = (
    *("cbam_resnet18", "mobilenet_v1_x0_5", "se_shufflenet_v1_g3_x1_0", "shufflenet_series"),
    "units_xception_13m",
)
SHUFFLES = [name for name in list_models() if "shufflenet_v" in name]
MACHINES = ("x86-64-v4", "x86-64-v3", "aarch64", "portable")


@pytest.fixture(scope="module")
def exported(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The ONNX file of one of our networks, with pictures of 64 × 64."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        our_file(path, request.param)
        yield path


@pytest.mark.parametrize("machine", ["x86-64-v4", "aarch64", "portable"])
def test_planning_again_changes_nothing(tiny: Path, machine: str) -> None:
    program, schedule = planned(tiny, machine)
    assert plan_memory(program, schedule) == schedule


@pytest.mark.parametrize("exported", marked(NETWORKS, QUICK, SLOW), indirect=True)
def test_the_workspace_of_our_networks_is_safe_and_small(exported: Path) -> None:
    graph = simplified(exported)
    for machine, threads in (("aarch64", 1), ("x86-64-v3", 1), ("x86-64-v3", 2), ("aarch64", 3)):
        program, schedule = planned(exported, machine, threads)
        check_memory(program, schedule)
        most = bound(graph, TARGETS[machine].lanes)
        if any(isinstance(layer, InputTiles) for layer in program.layers):
            most = max(TILES_BUDGET * most, FAST_BYTES)
        assert threads > 1 or schedule.workspace_bytes <= most, (machine, most)


@pytest.mark.parametrize("exported", marked(SHUFFLES, QUICK[:2], SHUFFLES[::6]), indirect=True)
def test_a_shuffle_moves_nothing(exported: Path) -> None:
    graph = simplified(exported)
    for machine in MACHINES:
        program = lower(graph, target(machine))
        assert {layer.summary() for layer in program.layers if layer.moved} == set()


def chain(nodes: int) -> onnx.ModelProto:
    """Residual blocks of a convolution, an activation and a sum."""
    text, last, before = list[str](), "x", "x"
    for n in range(0, nodes, 3):
        text.append(f"c{n} = Conv ({last}, w) r{n} = Relu (c{n}) t{n} = Add (r{n}, {before})")
        last = before = f"t{n}"
    return graph(" ".join(text), (1, 8, 6, 5), last, w=(8, 8, 1, 1))


def fan(nodes: int) -> onnx.ModelProto:
    """Convolutions of one tensor, all of them joined."""
    text = [f"c{n} = Conv (x, w)" for n in range(nodes)]
    joined = ", ".join(f"c{n}" for n in range(nodes))
    return graph(f"{' '.join(text)} y = Concat <axis = 1> ({joined})", (1, 8, 6, 5), w=(8, 8, 1, 1))


@pytest.mark.long
def test_twenty_thousand_nodes_are_planned() -> None:
    _, few = planned(chain(30), "x86-64-v3")
    program, many = planned(chain(20_001), "x86-64-v3")
    assert len(program.layers) > 6000
    assert many.workspace_bytes == few.workspace_bytes
    program, schedule = planned(fan(20_000), "x86-64-v3")
    assert schedule.workspace_bytes >= 20_000 * 8 * 30 * 4


@pytest.mark.parametrize(("pieces", "orders"), [(0, 1), (10, 4)])
def test_of_many_pieces_fewer_orders_are_tried(
    monkeypatch: pytest.MonkeyPatch, pieces: int, orders: int
) -> None:
    """More than so many; each order is tried once, and nothing overlaps."""
    module, tried = "martlet.compiler.schedule.memory", list[int]()
    place = memory._place
    monkeypatch.setattr(f"{module}.MANY_PIECES", 0)
    monkeypatch.setattr(f"{module}.HUGE_PIECES", pieces)
    monkeypatch.setattr(f"{module}._place", lambda *given: tried.append(1) or place(*given))
    program, schedule = planned(fan(5), "x86-64-v3")
    assert len(tried) == orders
    check_memory(program, schedule)
