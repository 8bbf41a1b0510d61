import numpy as np
import onnx
import pytest
from onnx import helper
from tests.compiler.networks import error, network, random

from martlet.compiler.frontend.importer import read_model
from martlet.compiler.ir.graph import Graph
from martlet.compiler.ir.operators import Activation
from martlet.compiler.passes.fuse import simplify

node = helper.make_node


PICTURE = [1, 4, 5, 6]


def simplified(model: onnx.ModelProto) -> Graph:
    return simplify(read_model(model))


def operators(model: onnx.ModelProto) -> list[str]:
    return [item.op for item in simplified(model).nodes]


def norm(seed: int, channels: int) -> dict[str, np.ndarray]:
    values = {key: random(seed + place, channels) for place, key in enumerate("gsm")}
    return {**values, "v": np.abs(random(seed + 3, channels)) + 0.1}


def test_batch_norm_goes_into_the_convolution_before_it() -> None:
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("BatchNormalization", ["a", *"gsmv"], ["b"], epsilon=1e-3),
        node("Relu", ["b"], ["y"]),
    ]
    constants = {"w": random(1, 8, 4, 3, 3), **norm(2, 8)}
    model = network(nodes, {"x": PICTURE}, {"y": None}, constants)
    (conv,) = simplified(model).nodes
    assert conv.attributes["act"] == Activation("relu")
    assert error(model, random(0, *PICTURE)) < 1e-5


@pytest.mark.parametrize("shape", [(2, 8), (1, 8, 5), (1, 8, 5, 6), (2, 8, 3, 4, 5)])
def test_batch_norm_elsewhere_is_a_scale_and_a_shift(shape: tuple[int, ...]) -> None:
    """As in DenseNet: behind a pool, before an activation."""
    nodes = [
        node("Abs", ["x"], ["a"]),
        node("BatchNormalization", ["a", *"gsmv"], ["b"]),
        node("HardSwish", ["b"], ["y"]),
    ]
    model = network(nodes, {"x": shape}, {"y": None}, norm(2, 8))
    assert operators(model) == ["Abs", "ScaleShift"]
    assert error(model, random(0, *shape)) < 1e-5


def test_batch_norm_in_blocks() -> None:
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("Relu", ["a"], ["r"]),
        node("BatchNormalization", ["r", *"gsmv"], ["b"]),
        node("Relu", ["b"], ["c"]),
        node("Add", ["a", "c"], ["y"]),
    ]
    constants = {"w": random(1, 8, 4, 3, 3), **norm(2, 8)}
    model = network(nodes, {"x": PICTURE}, {"y": None}, constants)
    assert "ScaleShift" in operators(model)
    assert error(model, random(0, *PICTURE)) < 1e-5


def test_a_convolution_that_is_read_twice_keeps_its_weights() -> None:
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("BatchNormalization", ["a", *"gsmv"], ["b"]),
        node("Add", ["a", "b"], ["y"]),
    ]
    constants = {"w": random(1, 8, 4, 3, 3), **norm(2, 8)}
    model = network(nodes, {"x": PICTURE}, {"y": None}, constants)
    assert error(model, random(0, *PICTURE)) < 1e-5


def test_constants_by_channel_are_folded_however_they_are_written() -> None:
    nodes = [
        node("Sub", ["x", "mean"], ["a"]),
        node("Div", ["a", "two"], ["b"]),
        node("Conv", ["b", "w"], ["c"]),
        node("Mul", ["c", "by"], ["d"]),
        node("Add", ["more", "d"], ["e"]),
        node("Sub", ["two", "e"], ["y"]),
    ]
    constants = {
        "mean": random(1, 1, 4, 1, 1), "two": np.float32(2), "w": random(2, 8, 4, 1, 1),
        "by": random(3, 8, 1, 1), "more": random(4, 1, 8, 1, 1),
    }  # fmt: skip
    model = network(nodes, {"x": PICTURE}, {"y": None}, constants)
    assert operators(model) == ["ScaleShift", "Conv"]
    assert error(model, random(0, *PICTURE)) < 1e-5


def test_a_constant_by_place_is_not() -> None:
    constants = {"k": random(1, 6)}
    model = network([node("Mul", ["x", "k"], ["y"])], {"x": PICTURE}, {"y": None}, constants)
    assert operators(model) == ["Mul"]
    assert error(model, random(0, *PICTURE)) < 1e-6


@pytest.mark.parametrize("order", ["gate", "product", "reciprocal"])
def test_hard_swish_of_older_exports(order: str) -> None:
    constants = {name: np.float32(v) for name, v in (("three", 3), ("zero", 0), ("six", 6))}
    constants |= {"sixth": np.float32(1 / 6), "w": random(1, 8, 4, 1, 1)}
    tails = {
        "gate": [node("Div", ["c", "six"], ["d"]), node("Mul", ["x2", "d"], ["y"])],
        "product": [node("Mul", ["c", "x2"], ["d"]), node("Div", ["d", "six"], ["y"])],
        "reciprocal": [node("Mul", ["x2", "c"], ["d"]), node("Mul", ["d", "sixth"], ["y"])],
    }
    nodes = [
        node("Conv", ["x", "w"], ["x2"]),
        node("Add", ["x2", "three"], ["b"]),
        node("Clip", ["b", "zero", "six"], ["c"]),
        *tails[order],
    ]
    model = network(nodes, {"x": PICTURE}, {"y": None}, constants)
    (conv,) = simplified(model).nodes
    assert conv.attributes["act"] == Activation("hard_swish")
    assert error(model, 3 * random(0, *PICTURE)) < 1e-5


@pytest.mark.parametrize("mode", ["constant", "edge"])
def test_zeros_around_a_map_become_the_window_s_padding(mode: str) -> None:
    nodes = [
        node("Pad", ["x", "pads"], ["a"], mode=mode),
        node("Conv", ["a", "w"], ["b"], strides=[2, 2]),
        node("Pad", ["b", "pads"], ["c"], mode=mode),
        node("AveragePool", ["c"], ["y"], kernel_shape=[3, 3]),
    ]
    constants = {"pads": np.array([0, 0, 0, 1, 0, 0, 1, 2]), "w": random(1, 8, 4, 3, 3)}
    model = network(nodes, {"x": PICTURE}, {"y": None}, constants)
    assert ("Pad" in operators(model)) == (mode == "edge")
    assert error(model, random(0, *PICTURE)) < 1e-5


def test_infinite_statistics_are_not_folded() -> None:
    constants = {**norm(2, 4), "g": np.array([np.inf, 1, np.nan, 1], np.float32)}
    nodes = [node("BatchNormalization", ["x", *"gsmv"], ["y"])]
    model = network(nodes, {"x": PICTURE}, {"y": None}, constants)
    assert operators(model) == ["BatchNormalization"]
