import numpy as np
import onnx
from onnx import helper
from tests.compiler.networks import error, network, random

from martlet.compiler.frontend.importer import read_model
from martlet.compiler.ir.graph import Graph
from martlet.compiler.passes.fuse import simplify

node = helper.make_node
PICTURE = [1, 4, 5, 6]


def simplified(model: onnx.ModelProto) -> Graph:
    return simplify(read_model(model))


def operators(model: onnx.ModelProto) -> list[str]:
    return [item.op for item in simplified(model).nodes]


def test_what_does_nothing_goes_even_at_the_outputs() -> None:
    nodes = [
        node("Dropout", ["x"], ["a"]),
        node("Cast", ["a"], ["b"], to=onnx.TensorProto.FLOAT),
        node("Relu", ["b"], ["c"]),
        node("Identity", ["c"], ["y"]),
        node("Dropout", ["c"], ["z"]),
    ]
    model = network(nodes, {"x": PICTURE}, {"y": None, "z": None})
    assert operators(model) == ["Relu", "Identity", "Identity"]
    assert error(model, random(0, *PICTURE)) == 0


def test_only_what_is_exact_is_taken_for_a_known_activation() -> None:
    nodes = [
        node("HardSigmoid", ["x"], ["a"], alpha=0.2, beta=0.5),
        node("Mul", ["x", "a"], ["b"]),
        node("Sigmoid", ["b"], ["c"]),
        node("Mul", ["b", "c"], ["y"]),
    ]
    model = network(nodes, {"x": PICTURE}, {"y": None})
    assert operators(model) == ["HardSigmoid", "Mul", "Swish"]
    assert error(model, random(0, *PICTURE)) < 1e-6


def test_limits_that_are_known_at_run_time_only_stay() -> None:
    nodes = [node("Conv", ["x", "w"], ["a"]), node("Clip", ["a", "low", "high"], ["y"])]
    inputs = {"x": PICTURE, "low": [], "high": []}
    model = network(nodes, inputs, {"y": None}, {"w": random(1, 8, 4, 1, 1)})
    given = (random(0, *PICTURE), np.array(-0.1, np.float32), np.array(0.2, np.float32))
    assert error(model, *given) < 1e-5
