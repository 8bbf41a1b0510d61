"""The workspace: no two values in one place at a time, and not much larger than it must be."""

import tempfile
from collections.abc import Iterator
from math import prod
from pathlib import Path

import pytest
from tests.compiler.exported import NETWORKS, marked, our_file
from tests.compiler.graphs import planned

from martlet.compiler.frontend.importer import load, read_model
from martlet.compiler.ir.graph import Graph
from martlet.compiler.ir.program import Program
from martlet.compiler.ir.schedule import CACHE_LINE_BYTES, Schedule
from martlet.compiler.lowering.lower import lower
from martlet.compiler.passes.fuse import simplify
from martlet.compiler.schedule.lifetimes import aliases, lifetimes
from martlet.compiler.schedule.memory import plan_memory
from martlet.compiler.targets import TARGETS, target
from martlet.models import list_models

QUICK = ("shufflenet_v1_g3_x0_5", "shufflenet_v2_authors_x0_5", "mobilenet_v2_x0_5")
SLOW = (
    *("cbam_resnet18", "hybridsn_salinas", "mobilenet_v1_x0_5", "mobilenet_v3_small_x1_0"),
    *("se_resnet20", "se_shufflenet_v1_g3_x1_0", "shufflenet_series", "units_xception_13m"),
)
SHUFFLES = [name for name in list_models() if "shufflenet_v" in name]
MACHINES = ("x86-64-v4", "x86-64-v3", "aarch64", "portable")
ROOM = 1.25  # of the two largest tensors that are needed at the same time


@pytest.fixture(scope="module")
def exported(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The ONNX file of one of our networks, with pictures of 64 × 64."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        our_file(path, request.param)
        yield path


def size(shape: tuple[int, ...], lanes: int) -> int:
    """Bytes of a tensor whose channels fill whole vectors."""
    channels = shape[1] if len(shape) > 1 else 1
    return 4 * prod(shape) // max(1, channels) * -(-channels // lanes) * lanes


def two_largest(graph: Graph, lanes: int) -> int:
    """Most bytes of the two largest tensors that the graph needs at the same time."""
    made = dict.fromkeys(graph.inputs, 0)
    last: dict[str, int] = {}
    for number, node in enumerate(graph.nodes):
        made |= {name: number for name in node.outputs if name}
        last |= {name: number for name in (*node.inputs, *node.outputs) if name in made}
    inside = [name for name in last if name not in (*graph.inputs, *graph.outputs)]
    most = 0
    for number in range(len(graph.nodes)):
        live = [name for name in inside if made[name] <= number <= last[name]]
        sizes = sorted(size(graph.shapes[name], lanes) for name in live)
        most = max(most, sum(sizes[-2:]))
    return most


def check_places(program: Program, schedule: Schedule) -> None:
    """Nothing overlaps but the pairs that may, and those exactly."""
    pieces, over = lifetimes(program, schedule), aliases(program, schedule)
    stored = [schedule[buffer] for buffer in pieces]
    for number, one in enumerate(stored):
        assert one.at % CACHE_LINE_BYTES == 0
        assert one.at + one.bytes <= schedule.workspace_bytes
        for other in stored[:number]:
            if (one.buffer, other.buffer) in over and one.at == other.at:
                continue
            for a in pieces[one.buffer]:
                for b in pieces[other.buffer]:
                    together = a.first <= b.last and b.first <= a.last
                    apart = (
                        one.at + a.end <= other.at + b.start or other.at + b.end <= one.at + a.start
                    )
                    assert apart or not together, (one, other)


@pytest.mark.parametrize("machine", ["x86-64-v4", "aarch64", "portable"])
def test_no_two_values_lie_in_one_place(tiny: Path, machine: str) -> None:
    program, schedule = planned(tiny, machine)
    check_places(program, schedule)
    assert plan_memory(program, schedule) == schedule  # planning again changes nothing


@pytest.mark.parametrize("exported", marked(NETWORKS, QUICK, SLOW), indirect=True)
def test_the_workspace_of_our_networks_is_small(exported: Path) -> None:
    graph = simplify(read_model(load(exported)))
    for machine in ("aarch64", "x86-64-v3"):
        program, schedule = planned(exported, machine)
        bound = ROOM * two_largest(graph, TARGETS[machine].lanes)
        size = schedule.workspace_bytes
        check_places(program, schedule)
        assert size <= bound, f"{machine}: {size} bytes, more than {bound:.0f}"


@pytest.mark.parametrize("exported", marked(SHUFFLES, QUICK[:2], SHUFFLES[::6]), indirect=True)
def test_a_shuffle_moves_nothing(exported: Path) -> None:
    graph = simplify(read_model(load(exported)))
    for machine in MACHINES:
        program = lower(graph, target(machine))
        assert {layer.summary() for layer in program.layers if layer.moved} == set()
