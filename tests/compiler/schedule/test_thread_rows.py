import onnx
import pytest
from tests.compiler.graphs import agree, graph, planned


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
        i = Conv <strides = [1, 1], pads = [1, 1, 1, 1]> (h, w3)
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
