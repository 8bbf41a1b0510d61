"""Channels lie where memory is saved and nothing needs to be copied; no value changes by it."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from tests.compiler.networks import network, random

from martlet.compiler import compile_onnx
from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.kernels.channelwise import Join
from martlet.compiler.kernels.depthwise_pool import Windowed
from martlet.compiler.kernels.gemm import Product
from martlet.compiler.pipeline import make_program
from martlet.compiler.targets import target

node = onnx.helper.make_node


def layer_of(program: Program, name: str) -> Layer:
    return next(layer for layer in program.layers if layer.name == name)


@pytest.fixture(scope="module")
def interleaved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """32 channels of a product: the even ones are needed at once, the odd ones at the end."""
    nodes = [
        node("Conv", ["x", "a"], ["c"], name="first"),
        node("Gather", ["c", "even"], ["e"], axis=1),
        node("Gather", ["c", "odd"], ["o"], axis=1),
        node("Conv", ["e", "b"], ["d"], name="windows", group=16, pads=[1, 1, 1, 1]),
        node("Conv", ["d", "k"], ["s"], name="second"),
        node("Concat", ["s", "o"], ["j"], axis=1),
        node("Conv", ["j", "m"], ["y"], name="last"),
    ]
    values = {
        "a": random(1, 32, 6, 1, 1), "b": random(2, 16, 1, 3, 3), "k": random(3, 8, 16, 1, 1),
        "m": random(4, 5, 24, 1, 1), "even": np.arange(0, 32, 2), "odd": np.arange(1, 32, 2),
    }  # fmt: skip
    path = tmp_path_factory.mktemp("interleaved") / "interleaved.onnx"
    onnx.save(network(nodes, {"x": (1, 6, 9, 7)}, {"y": (1, 5, 9, 7)}, values), path)
    return path


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sum of a product's channels with another's in reverse, gated as in SE."""
    nodes = [
        node("Conv", ["x", "a"], ["c"], name="one"),
        node("Gather", ["c", "back"], ["r"], axis=1),
        node("Conv", ["x", "b"], ["d"], name="other"),
        node("GlobalAveragePool", ["d"], ["g"]),
        node("Conv", ["g", "k"], ["h"], name="gate"),
        node("Sigmoid", ["h"], ["i"]),
        node("Mul", ["d", "i"], ["s"], name="gated"),
        node("Add", ["r", "s"], ["y"], name="sum"),
    ]
    values = {
        "a": random(1, 20, 6, 1, 1), "b": random(2, 20, 6, 1, 1), "k": random(3, 20, 20, 1, 1),
        "back": np.arange(20)[::-1].copy(),
    }  # fmt: skip
    path = tmp_path_factory.mktemp("crossed") / "crossed.onnx"
    onnx.save(network(nodes, {"x": (1, 6, 9, 7)}, {"y": (1, 20, 9, 7)}, values), path)
    return path


def test_channels_that_the_same_layers_need_share_blocks(interleaved: Path) -> None:
    program, _ = make_program(interleaved, target("x86-64-v4"))
    windows, first = layer_of(program, "windows"), layer_of(program, "first")
    assert isinstance(windows, Windowed)
    assert len(windows.x.blocks()) == 1  # 16 channels of 32, in vectors of 16
    assert isinstance(first, Product)
    assert first.blocks[0].outputs == list(range(1, 32, 2))  # needed longest
    assert first.blocks[1].outputs == list(range(0, 32, 2))


def test_what_makes_a_summand_puts_its_channels_where_the_other_has_them(crossed: Path) -> None:
    program, _ = make_program(crossed, target("x86-64-v4"))
    assert not any(layer.moved for layer in program.layers)
    total = layer_of(program, "sum")
    assert isinstance(total, Join)
    other, gate = layer_of(program, "other"), layer_of(program, "gate")
    assert isinstance(other, Product)
    assert isinstance(gate, Product)
    outputs = [channel for block in other.blocks for channel in block.outputs]
    assert outputs == [*range(19, -1, -1), *[-1] * 12]
    assert [channel for block in gate.blocks for channel in block.outputs] == outputs


def test_without_vectors_nothing_is_copied_either(crossed: Path, interleaved: Path) -> None:
    for path in (crossed, interleaved):
        program, _ = make_program(path, target("portable"))
        assert not any(layer.moved for layer in program.layers)


@pytest.mark.parametrize("name", ["native", "x86-64-v3", "portable"])
@pytest.mark.parametrize("which", ["interleaved", "crossed"])
def test_no_value_changes(
    name: str, which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path = request.getfixturevalue(which)
    x = random(5, 1, 6, 9, 7)
    (expected,) = onnxruntime.InferenceSession(path).run(None, {"x": x})
    found = compile_onnx(path, tmp_path, target=name)(x)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_groups_of_few_channels_share_a_vector(tmp_path: Path) -> None:
    """Six groups of five: three in a vector of sixteen."""
    nodes = [node("Conv", ["x", "a", "p"], ["y"], name="groups", group=6, pads=[1, 1, 1, 1])]
    values = {"a": random(1, 30, 4, 3, 3), "p": random(2, 30)}
    path = tmp_path / "groups.onnx"
    onnx.save(network(nodes, {"x": (1, 24, 6, 5)}, {"y": (1, 30, 6, 5)}, values), path)
    program, _ = make_program(path, target("x86-64-v4"))
    layer = layer_of(program, "groups")
    assert isinstance(layer, Product)
    assert [block.outputs for block in layer.blocks] == [
        [*range(15), -1],
        [*range(15, 30), -1],
    ]
    x = random(3, 1, 24, 6, 5)
    (expected,) = onnxruntime.InferenceSession(path).run(None, {"x": x})
    found = compile_onnx(path, tmp_path / "out")(x)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
