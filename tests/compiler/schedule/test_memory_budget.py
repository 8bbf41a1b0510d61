"""Above the bound, memory is worth more than speed: smaller maps go through in bands, too."""

import random

import onnx
import pytest
from tests.compiler.graphs import agree, graph, planned, simplified

from martlet.compiler.frontend.importer import read_model
from martlet.compiler.schedule.memory_budget import BUDGET, bound

MAP = 4 * 16 * 16 * 20  # bytes of 12 channels, in vectors of 8 or 16


def gated() -> onnx.ModelProto:
    """A basic block with a gate: its input, and what each convolution makes, are of one size.

    Its windows are dilated, so that they go by taps.
    """
    nodes = """
        s = Conv (x, a)
        c = Conv <pads = [1, 2, 1, 2], dilations = [1, 2]> (s, b)
        e = Conv <pads = [1, 2, 1, 2], dilations = [1, 2]> (c, d)
        g = GlobalAveragePool (e)
        h = Sigmoid (g)
        m = Mul (e, h)
        t = Add (s, m)
        y = Conv (t, k)"""
    weights = {"a": (12, 3, 1, 1), "b": (12, 12, 3, 3), "d": (12, 12, 3, 3), "k": (2, 12, 1, 1)}
    return graph(nodes, (1, 3, 16, 20), **weights)


def test_the_bound_is_the_two_largest_tensors_and_a_quarter() -> None:
    block = simplified(gated())
    assert bound(block, 8) == bound(block, 16) == BUDGET * 2 * MAP
    assert bound(block, 32) == BUDGET * 4 * MAP  # half of each vector is empty


@pytest.mark.parametrize("threads", [1, 2])
def test_more_layers_run_in_bands_where_the_workspace_is_too_large(threads: int) -> None:
    program, schedule = planned(gated(), threads=threads)
    assert [len(band) for band in schedule.bands][:2] == [1, 2]
    assert schedule[program.layers[1].writes[0]].ring in (3, 4)
    most = BUDGET * 2 * MAP  # threads keep their rows apart, have a ring each, and meet less often
    assert schedule.workspace_bytes <= most * (1 if threads == 1 else 1.2)


def test_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("martlet.compiler.pipeline.bound", lambda *_: 3 * MAP)
    _, schedule = planned(gated())
    assert {len(band) for band in schedule.bands} == {1}
    assert not any(storage.ring for storage in schedule.storage.values())


def test_bands_that_save_nothing_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("martlet.compiler.pipeline.bound", lambda *_: 0)
    _, schedule = planned(gated())
    assert schedule.workspace_bytes < 3 * MAP
    monkeypatch.undo()
    assert planned(gated())[1].workspace_bytes == schedule.workspace_bytes


def test_no_value_changes() -> None:
    agree(gated(), targets=("native", "portable"))


def test_the_bound_of_many_tensors_is_that_of_each_moment() -> None:
    """Against the sizes of all tensors that are needed, node by node."""
    chance = random.Random(0)
    nodes, sides = list[str](), {"x0": (1, 3, 6, 5)}
    for n in range(1, 60):
        read = f"x{chance.randrange(max(0, n - 9), n)}"
        size = chance.choice([4, 9, 20, 33])
        nodes.append(f"x{n} = Conv ({read}, w{sides[read][1]}_{size})")
        sides[f"x{n}"] = (1, size, 6, 5)
    counts = [3, 4, 9, 20, 33]
    weights = {f"w{i}_{o}": (o, i, 1, 1) for i in counts for o in counts}
    ends = [f"x{n}" for n in range(50, 60)]
    known = read_model(graph(" ".join(nodes), {"x0": sides["x0"]}, " ".join(ends), **weights))
    last = {name: at for at, node in enumerate(known.nodes) for name in node.inputs}
    most = 0
    for at in range(len(known.nodes)):
        live = [n for n, node in enumerate(known.nodes) if n <= at <= last.get(node.outputs[0], n)]
        names = [known.nodes[n].outputs[0] for n in live]
        sizes = [4 * 30 * -(-sides[x][1] // 8) * 8 for x in names if x and x not in ends]
        most = max(most, sum(sorted(sizes)[-2:]))
    assert bound(known, 8) == int(BUDGET * most)
