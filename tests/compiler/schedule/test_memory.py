"""The workspace: no two values in one place at a time, and not much larger than it must be."""

import tempfile
from collections.abc import Iterator
from math import prod
from pathlib import Path

import pytest
from tests.compiler.exported import NETWORKS, marked, our_file

from martlet.compiler.frontend.importer import read
from martlet.compiler.ir.graph import Graph
from martlet.compiler.ir.program import Buffer, Program
from martlet.compiler.lowering.lower import lower
from martlet.compiler.passes.fuse import simplify
from martlet.compiler.pipeline import make_program
from martlet.compiler.schedule.memory import LINE, _over, _pieces, plan
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


def check_places(program: Program, floats: int) -> None:
    """Nothing overlaps but the pairs that may, and those exactly."""
    pieces, over = _pieces(program), _over(program)
    known = {id(buffer): buffer for buffer in program.buffers}
    buffers: list[Buffer] = [known[key] for key in pieces]
    for number, one in enumerate(buffers):
        assert one.at % LINE == 0
        assert one.at + one.floats <= floats
        for other in buffers[:number]:
            if (id(one), id(other)) in over and one.at == other.at:
                continue
            for a in pieces[id(one)]:
                for b in pieces[id(other)]:
                    together = a.first <= b.last and b.first <= a.last
                    apart = (
                        one.at + a.end <= other.at + b.start or other.at + b.end <= one.at + a.start
                    )
                    assert apart or not together, (one, other)


@pytest.mark.parametrize("machine", ["x86-64-v4", "aarch64", "portable"])
def test_no_two_values_lie_in_one_place(tiny: Path, machine: str) -> None:
    program = make_program(tiny, target(machine))
    check_places(program, plan(program))
    assert plan(program) == plan(program)  # planning again changes nothing


@pytest.mark.parametrize("exported", marked(NETWORKS, QUICK, SLOW), indirect=True)
def test_the_workspace_of_our_networks_is_small(exported: Path) -> None:
    graph = simplify(read(exported))
    for machine in ("aarch64", "x86-64-v3"):
        program = make_program(exported, TARGETS[machine])
        bound = ROOM * two_largest(graph, TARGETS[machine].lanes)
        floats = plan(program)
        check_places(program, floats)
        assert 4 * floats <= bound, f"{machine}: {4 * floats} bytes, more than {bound:.0f}"


@pytest.mark.parametrize("exported", marked(SHUFFLES, QUICK[:2], SHUFFLES[::6]), indirect=True)
def test_a_shuffle_moves_nothing(exported: Path) -> None:
    graph = simplify(read(exported))
    for machine in MACHINES:
        program = lower(graph, target(machine))
        assert {layer.summary() for layer in program.layers if layer.moved} == set()


@pytest.mark.parametrize("exported", ["mobilenet_v2_x0_5"], indirect=True)
def test_a_residual_sum_is_written_over_what_is_added(exported: Path) -> None:
    program = make_program(exported, TARGETS["x86-64-v3"])
    plan(program)
    pairs = _over(program)
    known = {id(buffer): buffer for buffer in program.buffers}
    assert pairs
    assert any(known[one].at == known[other].at for one, other in pairs)
