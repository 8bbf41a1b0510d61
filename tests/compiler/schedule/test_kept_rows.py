"""Which rows windows share: all but those of new samples, and those that padding reaches."""

import pytest
from tests.compiler.graphs import graph
from tests.compiler.series import LENGTH, recurring

from martlet.compiler.frontend.importer import read_model
from martlet.compiler.ir.schedule import KeptRows, Schedule
from martlet.compiler.pipeline import program_of
from martlet.compiler.targets import target


def kept(layout: str, stride: int) -> list[KeptRows]:
    graph_of = read_model(recurring(layout))
    program, schedule = program_of(graph_of, target("portable"), stream=stride)
    assert schedule.banded == {layer.name for layer in program.layers if kept_by(schedule, layer)}
    return list(schedule.kept.values())


def kept_by(schedule: Schedule, layer: object) -> bool:
    return any(buffer in schedule.kept for buffer in layer.writes)  # type: ignore[attr-defined]


@pytest.mark.parametrize("layout", ["apart", "mixed"])
def test_rows_that_no_padding_reaches(layout: str) -> None:
    """Kernel 5, padding 2, stride 2: 20 rows of 40 samples, of which the first and last see zeros;
    then 10 rows, of which the first two see it, or a row that does, and the last one."""
    assert kept(layout, 8) == [
        KeptRows(1, 19, 4), KeptRows(1, 19, 4), KeptRows(2, 9, 2), KeptRows(2, 9, 2),
    ]  # fmt: skip


def test_windows_that_move_by_half_a_row_share_none() -> None:
    assert kept("mixed", 3) == []
    assert kept("mixed", 2) == [KeptRows(1, 19, 1)] * 2


@pytest.mark.parametrize("stride", [LENGTH, 36, 60])
def test_windows_that_hardly_overlap_share_none(stride: int) -> None:
    assert kept("apart", stride) == []


def test_time_has_to_be_the_rows() -> None:
    assert kept("columns", 8) == kept("line", 8) == []


def test_another_order_of_the_input_is_not_taken_for_time() -> None:
    """A reshape to the sizes that a transposition would give puts other samples into each row."""
    nodes = """
        t = Reshape <allowzero = 0> (x, s)
        y = Conv <pads = [2, 0, 2, 0]> (t, w)"""
    model = graph(nodes, (1, 1, 40, 3), s=[1, 3, 40, 1], w=(4, 3, 5, 1))
    _, schedule = program_of(read_model(model), target("portable"), stream=4)
    assert not schedule.kept


def test_memory_of_kept_rows_is_nobody_elses() -> None:
    program, schedule = program_of(read_model(recurring("apart")), target("portable"), stream=8)
    places = [
        (schedule[b].at, schedule[b].at + schedule[b].bytes)
        for layer in program.layers
        for b in layer.writes
        if not b.outside
    ]
    for buffer in schedule.kept:
        begin, end = schedule[buffer].at, schedule[buffer].at + schedule[buffer].bytes
        assert sum(first < end and begin < last for first, last in places) == 1
