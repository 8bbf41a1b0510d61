import time

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.compiler.networks import network

from martlet.compiler.frontend.importer import read_model
from martlet.compiler.lowering.lower import lower
from martlet.compiler.passes.fuse import simplify
from martlet.compiler.targets import target
from martlet.errors import MartletError

node = helper.make_node


def test_constants_of_every_exporter_s_kind_are_computed() -> None:
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "first"], ["n"]),
        node("Mul", ["n", "two"], ["double"]),
        node("Range", ["zero", "double", "one"], ["r"]),
        node("Cast", ["r"], ["f"], to=TensorProto.FLOAT),
        node("Add", ["x", "f"], ["y"]),
    ]
    given = {"first": np.array(1), "two": np.array(2), "zero": np.array(0), "one": np.array(1)}
    graph = read_model(network(nodes, {"x": [4, 1]}, {"y": None}, given))
    assert [item.op for item in graph.nodes] == ["Add"]
    np.testing.assert_array_equal(graph.constants["f"], [0, 1])
    assert graph.shapes["y"] == (4, 2)


def test_a_large_constant_of_one_value_takes_no_memory() -> None:
    value = numpy_helper.from_array(np.array([0.5], np.float32))
    nodes = [node("ConstantOfShape", ["s"], ["k"], value=value), node("MatMul", ["x", "k"], ["y"])]
    model = network(nodes, {"x": [1, 1 << 14]}, {"y": None}, {"s": np.array([1 << 14, 1 << 14])})
    graph = read_model(model)
    assert graph.constants["k"].strides == (0, 0)
    assert graph.shapes["y"] == (1, 1 << 14)


def test_constants_that_follow_from_each_other_are_computed_to_the_end() -> None:
    """Each reshape asks for the shape of the one before, as torch's older exporter writes it."""
    nodes, last = [], "x"
    for number in range(20):
        nodes += [
            node("Shape", [last], [f"s{number}"]),
            node("Gather", [f"s{number}", "order"], [f"t{number}"]),
            node("Reshape", [last, f"t{number}"], [f"r{number}"]),
        ]
        last = f"r{number}"
    model = network(nodes, {"x": (1, 3, 4, 5)}, {last: None}, {"order": np.array([0, 3, 2, 1])})
    assert read_model(model).shapes[last] == (1, 3, 4, 5)


def test_a_range_is_not_written_out() -> None:
    nodes = [
        node("Range", ["zero", "many", "one"], ["r"]),
        node("Cast", ["r"], ["f"], to=TensorProto.FLOAT),
        node("ReduceSum", ["f"], ["s"], keepdims=0),
        node("Add", ["x", "s"], ["y"]),
    ]
    values = {name: np.array(value) for name, value in (("zero", 0), ("many", 10**12), ("one", 1))}
    started = time.perf_counter()
    with pytest.raises(MartletError):
        lower(
            simplify(read_model(network(nodes, {"x": (1, 4)}, {"y": None}, values))),
            target("portable"),
        )
    assert time.perf_counter() - started < 5


def test_memory_is_not_filled_by_what_is_computed() -> None:
    huge = np.array([1 << 20, 1 << 20])
    for nodes in (
        [node("ConstantOfShape", ["s"], ["k"]), node("Add", ["x", "k"], ["y"])],
        [node("Expand", ["one", "s"], ["k"]), node("Add", ["x", "k"], ["y"])],
        [node("Tile", ["square", "s"], ["k"]), node("Add", ["x", "k"], ["y"])],
    ):
        given = {"s": huge, "one": np.ones(1, np.float32), "square": np.ones((1, 1), np.float32)}
        started = time.perf_counter()
        with pytest.raises(MartletError):
            simplify(read_model(network(nodes, {"x": [1, 1]}, {"y": None}, given)))
        assert time.perf_counter() - started < 5
