"""Maps laid into one another: sides that differ, threads' rows, and channels in other lanes."""

import pytest
from tests.compiler.graphs import agree, graph, planned

NODES = """
    a = Conv <pads = [1, 1, 1, 1]> (x, u)
    b = ConvTranspose <strides = [2, 2], output_shape = [{rows}, {columns}]> (a, w)
    y = Conv (b, v)"""


@pytest.mark.parametrize(("rows", "columns"), [(16, 18), (17, 18), (15, 17)])
def test_sides_that_the_stride_does_not_divide(rows: int, columns: int) -> None:
    nodes = NODES.format(rows=rows, columns=columns)
    model = graph(nodes, (1, 3, 8, 9), u=(20, 3, 3, 3), w=(20, 20, 3, 3), v=(5, 20, 1, 1))
    assert "Interleave" in [type(layer).__name__ for layer in planned(model)[0].layers]
    agree(model, targets=("native", "portable"), threads=[1, 2, 3])


def test_a_skip_joined_to_it() -> None:
    """Channels of both come from several buffers, and are read as they lie."""
    nodes = """
        a = Conv <pads = [1, 1, 1, 1]> (x, u)
        d = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (a)
        t = ConvTranspose <strides = [2, 2]> (d, w)
        c = Concat <axis = 1> (a, t)
        y = Conv (c, v)"""
    agree(graph(nodes, (1, 3, 8, 8), u=(20, 3, 3, 3), w=(20, 12, 2, 2), v=(7, 32, 1, 1)))


def test_its_summary() -> None:
    nodes = NODES.format(rows=17, columns=18)
    model = graph(nodes, (1, 3, 8, 9), u=(20, 3, 3, 3), w=(20, 20, 3, 3), v=(5, 20, 1, 1))
    layer = next(one for one in planned(model)[0].layers if type(one).__name__ == "Interleave")
    assert layer.summary() == "20 maps of 9×9, 9×9, 8×9, 8×9 laid into 17×18"
