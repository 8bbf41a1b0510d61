"""Above the bound, memory is worth more than speed: smaller maps go through in bands, too."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from tests.compiler.networks import network, random

from martlet.compiler import compile_onnx
from martlet.compiler.frontend.importer import read
from martlet.compiler.passes.fuse import simplify
from martlet.compiler.pipeline import make_program
from martlet.compiler.schedule.memory_budget import BUDGET, bound
from martlet.compiler.targets import target

node = onnx.helper.make_node
MAP = 4 * 16 * 16 * 20  # bytes of 16 channels


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A basic block with a gate: its input, and what each convolution makes, are of one size."""
    nodes = [
        node("Conv", ["x", "a"], ["s"], name="stem"),
        node("Conv", ["s", "b"], ["c"], name="one", pads=[1, 1, 1, 1]),
        node("Conv", ["c", "d"], ["e"], name="two", pads=[1, 1, 1, 1]),
        node("GlobalAveragePool", ["e"], ["g"]),
        node("Sigmoid", ["g"], ["h"]),
        node("Mul", ["e", "h"], ["m"]),
        node("Add", ["s", "m"], ["t"]),
        node("Conv", ["t", "k"], ["y"], name="last"),
    ]
    values = {
        "a": random(1, 16, 3, 1, 1), "b": random(2, 16, 16, 3, 3), "d": random(3, 16, 16, 3, 3),
        "k": random(4, 2, 16, 1, 1),
    }  # fmt: skip
    path = tmp_path_factory.mktemp("gated") / "gated.onnx"
    onnx.save(network(nodes, {"x": (1, 3, 16, 20)}, {"y": (1, 2, 16, 20)}, values), path)
    return path


def test_the_bound_is_the_two_largest_tensors_and_a_quarter(gated: Path) -> None:
    graph = simplify(read(gated))
    assert bound(graph, 8) == bound(graph, 16) == BUDGET * 2 * MAP
    assert bound(graph, 32) == BUDGET * 4 * MAP  # half of each vector is empty


@pytest.mark.parametrize("threads", [1, 2])
def test_more_layers_run_in_bands_where_the_workspace_is_too_large(
    gated: Path, threads: int
) -> None:
    program, schedule = make_program(gated, target("x86-64-v4"), threads=threads)
    assert [len(band) for band in schedule.bands][:2] == [1, 2]
    assert schedule[program.layers[1].writes[0]].ring in (3, 4)
    most = BUDGET * 2 * MAP  # threads keep their rows apart, have a ring each, and meet less often
    assert schedule.workspace_bytes <= most * (1 if threads == 1 else 1.2)


def test_and_nowhere_else(gated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("martlet.compiler.pipeline.bound", lambda *_: 3 * MAP)
    _, schedule = make_program(gated, target("x86-64-v4"))
    assert {len(band) for band in schedule.bands} == {1}
    assert not any(storage.ring for storage in schedule.storage.values())


def test_bands_that_save_nothing_are_not_kept(gated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("martlet.compiler.pipeline.bound", lambda *_: 0)
    _, schedule = make_program(gated, target("x86-64-v4"))
    assert schedule.workspace_bytes < 3 * MAP
    monkeypatch.undo()
    assert make_program(gated, target("x86-64-v4"))[1].workspace_bytes == schedule.workspace_bytes


@pytest.mark.parametrize("name", ["native", "x86-64-v3", "portable"])
def test_no_value_changes(gated: Path, tmp_path: Path, name: str) -> None:
    x = random(5, 1, 3, 16, 20)
    (expected,) = onnxruntime.InferenceSession(gated).run(None, {"x": x})
    found = compile_onnx(gated, tmp_path, target=name)(x)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
