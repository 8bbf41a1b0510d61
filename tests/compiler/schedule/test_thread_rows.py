import numpy as np
import onnx
import pytest
from tests.compiler.graphs import agree, graph, planned

from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.schedule.thread_rows import separate_thread_rows


def every_kind(*sides: int) -> onnx.ModelProto:
    """Layers of every kind that works on a thread's own rows, and some that need all rows."""
    nodes = """
        a = Conv <pads = [1, 1, 1, 1]> (x, w0)
        b = HardSwish (a)
        c = Conv <pads = [2, 2, 2, 2], group = 40> (b, w1)
        d = Add (c, b)
        m = GlobalAveragePool (d)
        s = Sigmoid (m)
        e = Mul (d, s)
        f = Conv (e, w2)
        g = Tanh (f)
        o = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (g)
        q = Sigmoid (o)
        h = Sub (o, q)
        i = Conv <strides = [1, 1], pads = [1, 2, 1, 2], dilations = [1, 2]> (h, w3)
        j = ReduceMean <axes = [1]> (i)
        k = Mul (i, j)
        n = GlobalAveragePool (k)
        y = Flatten (n)"""
    weights = {"w0": (40, 3, 3, 3), "w1": (40, 1, 5, 5), "w2": (40, 40, 1, 1), "w3": (40, 40, 3, 3)}
    return graph(nodes, (1, 3, *sides), **weights)


@pytest.mark.parametrize("sides", [(22, 9), pytest.param((17, 30), marks=pytest.mark.slow)])
def test_rows_that_lie_apart_give_the_same_numbers(sides: tuple[int, int]) -> None:
    model = every_kind(*sides)
    for threads in (2, 5):
        program, schedule = planned(model, threads=threads)
        apart = {buffer for buffer, storage in schedule.storage.items() if storage.parts > 1}
        kinds = {type(a).__name__ for a in program.layers if not apart.isdisjoint(a.reads)}
        assert {"Product", "Windowed", "Mean", "Join", "Activate"} <= kinds, kinds
    agree(model, threads=(1, 2, 5))


class Counted(Buffer):
    """A buffer that counts how often any of its kind is looked up."""

    looked_up = 0

    def __hash__(self) -> int:
        Counted.looked_up += 1
        return id(self)


class Reads(Layer):
    """A layer that finds each row of `x` where a thread has it, and needs all others whole."""

    name, reads, writes, thread_rows = "reads", list[Buffer](), list[Buffer](), ("x", "y")

    def __init__(self, *buffers: Buffer) -> None:
        where = np.array([[number, 0, 0] for number in range(len(buffers))])
        self.x = Maps(buffers, where, buffers[0].spatial)


@pytest.mark.parametrize("last", [8, 1])
def test_a_tensor_of_many_buffers_is_looked_at_once(last: int) -> None:
    """One buffer with fewer rows than threads keeps all that are read together with it whole."""
    sides = [(8, 5)] * 400 + [(last, 5)]
    buffers = [Counted(1, each, 8) for each in sides]
    other = Counted(1, (8, 5), 8)
    layers: list[Layer] = [Reads(*buffers[:-1]), Reads(*buffers[200:]), Reads(other)]
    program = Program("net", lanes=8, registers=16, layers=layers, buffers=[*buffers, other])
    Counted.looked_up = 0
    found = separate_thread_rows(program, Schedule(threads=2))
    assert Counted.looked_up < 30 * len(buffers)
    assert list(found.storage) == ([*buffers, other] if last == 8 else [other])
    assert {storage.parts for storage in found.storage.values()} == {2}
