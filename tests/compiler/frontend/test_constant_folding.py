import numpy as np
import onnx
import pytest
from tests.compiler.graphs import graph, simplified

from martlet.compiler.frontend.importer import read_model
from martlet.compiler.lowering.lower import lower
from martlet.compiler.targets import target
from martlet.errors import MartletError


def test_constants_of_every_exporter_s_kind_are_computed() -> None:
    nodes = """
        s = Shape (x)
        n = Gather (s, first)
        double = Mul (n, two)
        r = Range (zero, double, one)
        f = Cast <to = 1> (r)
        y = Add (x, f)"""
    read = read_model(graph(nodes, (4, 1), first=1, two=2, zero=0, one=1))
    assert [item.op for item in read.nodes] == ["Add"]
    np.testing.assert_array_equal(read.constants["f"], [0, 1])
    assert read.shapes["y"] == (4, 2)


def test_a_large_constant_of_one_value_takes_no_memory() -> None:
    nodes = "k = ConstantOfShape <value = float[1] {0.5}> (s) y = MatMul (x, k)"
    read = read_model(graph(nodes, (1, 1 << 14), s=[1 << 14, 1 << 14]))
    assert read.constants["k"].strides == (0, 0)
    assert read.shapes["y"] == (1, 1 << 14)


def test_constants_that_follow_from_each_other_are_computed_to_the_end() -> None:
    """Each reshape asks for the shape of the one before, as torch's older exporter writes it."""
    nodes, last = "", "x"
    for n in range(20):
        nodes += f"s{n} = Shape ({last}) t{n} = Gather (s{n}, order) r{n} = Reshape ({last}, t{n}) "
        last = f"r{n}"
    model = graph(nodes, (1, 3, 4, 5), last, order=[0, 3, 2, 1])
    assert read_model(model).shapes[last] == (1, 3, 4, 5)


def refused(model: onnx.ModelProto) -> None:
    """One sentence, where terabytes of memory would be an error of another kind."""
    with pytest.raises(MartletError):
        lower(simplified(model), target("portable"))


def test_a_range_is_not_written_out() -> None:
    nodes = """
        r = Range (zero, many, one)
        f = Cast <to = 1> (r)
        s = ReduceSum <keepdims = 0> (f)
        y = Add (x, s)"""
    refused(graph(nodes, (1, 4), zero=0, many=10**12, one=1))


@pytest.mark.parametrize("large", ["ConstantOfShape (s)", "Expand (one, s)", "Tile (square, s)"])
def test_memory_is_not_filled_by_what_is_computed(large: str) -> None:
    ones = {"one": np.ones(1, np.float32), "square": np.ones((1, 1), np.float32)}
    refused(graph(f"k = {large} y = Add (x, k)", (1, 1), s=[1 << 20, 1 << 20], **ones))
