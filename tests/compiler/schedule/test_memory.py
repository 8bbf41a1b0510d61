"""The workspace: no two values in one place at a time, and not much larger than it must be."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.compiler.exported import NETWORKS, marked, our_file
from tests.compiler.graphs import planned, simplified
from tests.compiler.shadow_memory import check_memory

from martlet.compiler.lowering.lower import lower
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
        assert threads > 1 or schedule.workspace_bytes <= most, (machine, most)


@pytest.mark.parametrize("exported", marked(SHUFFLES, QUICK[:2], SHUFFLES[::6]), indirect=True)
def test_a_shuffle_moves_nothing(exported: Path) -> None:
    graph = simplified(exported)
    for machine in MACHINES:
        program = lower(graph, target(machine))
        assert {layer.summary() for layer in program.layers if layer.moved} == set()
