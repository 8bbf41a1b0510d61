from itertools import pairwise

import numpy as np
import onnx
import pytest
from tests.compiler.graphs import graph, planned, random, run

from martlet.compiler.codegen.emit import emit
from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.ir.schedule import PackedWeights, Schedule
from martlet.compiler.schedule.prefetch import CACHE_PARTS, plan_prefetch
from martlet.compiler.targets import TARGETS, target

CACHE = 4000 * CACHE_PARTS


class Fetching(Layer):
    """Can fetch so many bytes, and needs so many of its own at once."""

    def __init__(self, name: str, can: int, first: int, streams: int) -> None:
        self.name, self.can, self.first, self.once = name, can, first, bool(streams)

    def can_fetch(self, schedule: Schedule) -> int:
        return self.can

    def first_weights(self, schedule: Schedule) -> int:
        return self.first

    def streams(self, schedule: Schedule) -> bool:
        return self.once


def fetched(*kinds: tuple[int, int, int, int]) -> list[tuple[int, int]]:
    """What layers fetch that can fetch so many bytes, have so many, need so many at once, and
    stream or not.
    """
    program, known, end = Program("made", 16, 32), dict[str, PackedWeights](), 0
    for number, (can, size, first, streams) in enumerate(kinds):
        program.layers.append(Fetching(f"layer{number}", can, first, streams))
        known[f"layer{number}"] = PackedWeights((), end, end + size)
        end += size
    return list(plan_prefetch(program, Schedule(packed=known), CACHE).prefetch.values())


def test_each_layer_fetches_what_the_next_ones_begin_with() -> None:
    found = fetched((900, 500, 100, 0), (900, 600, 200, 0), (900, 700, 300, 0))
    assert found == [(100, 700), (700, 1400), (1400, 1800)]


def test_those_before_fetch_what_a_layer_cannot() -> None:
    found = fetched((9000, 400, 100, 0), (0, 100, 0, 0), (50, 2000, 100, 0), (0, 3000, 300, 1))
    assert found == [(100, 4400), (4400, 4400), (4400, 4450), (4450, 5500)]


def test_what_waits_in_the_cache_is_a_part_of_it() -> None:
    first, second, third = fetched((9000, 400, 100, 0), (0, 9000, 300, 1), (0, 9000, 300, 1))
    assert first == (100, 400 + CACHE // CACHE_PARTS)
    assert second == (first[1], 9400 + CACHE // CACHE_PARTS)
    assert third == (second[1], 18400)


def wide() -> onnx.ModelProto:
    """Two pointwise convolutions and a linear layer, with more weights than the small cache."""
    nodes = """
        c = Conv (x, a)
        r = Relu (c)
        d = Conv (r, b)
        p = GlobalAveragePool (d)
        f = Flatten (p)
        y = Gemm <transB = 1> (f, k)"""
    return graph(nodes, (1, 48, 6, 5), a=(80, 48, 1, 1), b=(160, 80, 1, 1), k=(90, 160))


def test_weights_are_fetched_once_and_to_the_end() -> None:
    program, schedule = planned(wide())
    ranges = [schedule.prefetch[layer.name] for layer in program.layers]
    assert all(before[1] <= after[0] for before, after in pairwise(ranges))
    assert 0 < ranges[0][0] < schedule.packed[program.layers[0].name].size
    assert ranges[-1][1] == len(schedule.weights)


def test_fetching_changes_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    x = {"x": random(4, 1, 48, 6, 5)}
    (fetching,) = run(wide(), x)
    monkeypatch.setattr("martlet.compiler.pipeline.plan_prefetch", lambda _, plain, __: plain)
    assert planned(wide())[1].prefetch == {}
    assert np.array_equal(run(wide(), x)[0], fetching)


@pytest.mark.parametrize("name", [*TARGETS, "portable"])
def test_targets_whose_cache_is_known_fetch(name: str) -> None:
    chosen = target(name)
    source = emit(*planned(wide(), name), chosen).source
    assert ("FETCH(" in source) == ("FETCH(ahead" in source) == (chosen.cache > 0)
