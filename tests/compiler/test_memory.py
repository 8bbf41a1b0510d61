"""The workspace: no two values in one place at a time, and not much larger than it must be."""

from collections.abc import Callable
from math import prod
from pathlib import Path

import pytest
import torch

from swiftlet.compiler.graph import Graph
from swiftlet.compiler.make import make_program
from swiftlet.compiler.memory import LINE, _over, _pieces, plan
from swiftlet.compiler.program import Buffer, Program
from swiftlet.compiler.reader import read
from swiftlet.compiler.simplify import simplify
from swiftlet.compiler.targets import TARGETS, target
from swiftlet.exporting import export_onnx
from swiftlet.models import ImageInput, create_model, list_models, spec

FEW = ("shufflenet_v1_g3_x0_5", "shufflenet_v2_x1_0", "mobilenet_v2_x0_5")
SLOW = [pytest.param(n, marks=pytest.mark.slow) for n in list_models() if n not in FEW]
ROOM = 1.25  # of the two largest tensors that are needed at the same time
Export = Callable[[str], Path]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """The ONNX file of one of our networks, with pictures of 64 × 64."""
    made: dict[str, Path] = {}

    def export(name: str) -> Path:
        if name not in made:
            torch.manual_seed(0)
            model = create_model(name, num_classes=4)
            given = spec(name).input
            shape = (given.channels, 64, 64) if isinstance(given, ImageInput) else given.shape
            made[name] = tmp_path_factory.mktemp("onnx") / f"{name}.onnx"
            export_onnx(model, made[name], preprocess=None, shape=shape, classes=list("abcd"))
        return made[name]

    return export


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


@pytest.mark.parametrize("name", [*FEW, *SLOW])
def test_the_workspace_of_our_networks_is_small(exported: Export, name: str) -> None:
    for machine in ("aarch64", "x86-64-v3"):
        program = make_program(exported(name), TARGETS[machine])
        graph = simplify(read(exported(name)))
        bound = ROOM * two_largest(graph, TARGETS[machine].lanes)
        floats = plan(program)
        check_places(program, floats)
        assert 4 * floats <= bound, f"{machine}: {4 * floats} bytes, more than {bound:.0f}"


@pytest.mark.parametrize("machine", ["x86-64-v4", "x86-64-v3", "aarch64", "portable"])
def test_a_shuffle_moves_nothing(exported: Export, machine: str) -> None:
    for name in ("shufflenet_v1_g3_x0_5", "shufflenet_v2_x1_0"):
        program = make_program(exported(name), target(machine))
        assert sum(layer.moved for layer in program.layers) == 0


def test_a_residual_sum_is_written_over_what_is_added(exported: Export) -> None:
    program = make_program(exported("mobilenet_v2_x0_5"), TARGETS["x86-64-v3"])
    plan(program)
    pairs = _over(program)
    known = {id(buffer): buffer for buffer in program.buffers}
    assert pairs
    assert any(known[one].at == known[other].at for one, other in pairs)
