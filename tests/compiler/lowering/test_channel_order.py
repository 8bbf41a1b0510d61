"""Channels lie where memory is saved and nothing needs to be copied; no value changes by it."""

import numpy as np
import onnx
import pytest
from tests.compiler.graphs import agree, graph, planned

from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.kernels.channelwise import Join
from martlet.compiler.kernels.depthwise_pool import Windowed
from martlet.compiler.kernels.gemm import Product


def layer_of(program: Program, name: str) -> Layer:
    return next(layer for layer in program.layers if layer.name == name)


def interleaved() -> onnx.ModelProto:
    """32 channels of a product: the even ones are needed at once, the odd ones at the end."""
    nodes = """
        first = Conv (x, a)
        e = Gather <axis = 1> (first, even)
        o = Gather <axis = 1> (first, odd)
        windows = Conv <group = 16, pads = [1, 1, 1, 1]> (e, b)
        s = Conv (windows, k)
        j = Concat <axis = 1> (s, o)
        y = Conv (j, m)"""
    values = {
        "a": (32, 6, 1, 1), "b": (16, 1, 3, 3), "k": (8, 16, 1, 1),
        "m": (5, 24, 1, 1), "even": np.arange(0, 32, 2), "odd": np.arange(1, 32, 2),
    }  # fmt: skip
    return graph(nodes, (1, 6, 9, 7), **values)


def crossed() -> onnx.ModelProto:
    """A sum of a product's channels with another's in reverse, gated as in SE."""
    nodes = """
        c = Conv (x, a)
        r = Gather <axis = 1> (c, back)
        other = Conv (x, b)
        g = GlobalAveragePool (other)
        gate = Conv (g, k)
        i = Sigmoid (gate)
        s = Mul (other, i)
        y = Add (r, s)"""
    values = {
        "a": (20, 6, 1, 1), "b": (20, 6, 1, 1), "k": (20, 20, 1, 1),
        "back": np.arange(20)[::-1].copy(),
    }  # fmt: skip
    return graph(nodes, (1, 6, 9, 7), **values)


def test_channels_that_the_same_layers_need_share_blocks() -> None:
    program, _ = planned(interleaved())
    windows, first = layer_of(program, "windows"), layer_of(program, "first")
    assert isinstance(windows, Windowed)
    assert len(windows.x.blocks()) == 1  # 16 channels of 32, in vectors of 16
    assert isinstance(first, Product)
    assert first.blocks[0].outputs == list(range(1, 32, 2))  # needed longest
    assert first.blocks[1].outputs == list(range(0, 32, 2))


def test_what_makes_a_summand_puts_its_channels_where_the_other_has_them() -> None:
    program, _ = planned(crossed())
    assert not any(layer.moved for layer in program.layers)
    total = layer_of(program, "y")
    assert isinstance(total, Join)
    other, gate = layer_of(program, "other"), layer_of(program, "gate")
    assert isinstance(other, Product)
    assert isinstance(gate, Product)
    outputs = [channel for block in other.blocks for channel in block.outputs]
    assert outputs == [*range(19, -1, -1), *[-1] * 12]
    assert [channel for block in gate.blocks for channel in block.outputs] == outputs


def test_without_vectors_nothing_is_copied_either() -> None:
    for model in (crossed(), interleaved()):
        program, _ = planned(model, "portable")
        assert not any(layer.moved for layer in program.layers)


@pytest.mark.parametrize("name", ["native", "x86-64-v3", "portable"])
def test_no_value_changes(name: str) -> None:
    agree(interleaved(), targets=[name])
    agree(crossed(), targets=[name])


def test_groups_of_few_channels_share_a_vector() -> None:
    """Six groups of five: three in a vector of sixteen."""
    nodes = "y = Conv <group = 6, pads = [1, 1, 1, 1]> (x, a, p)"
    model = graph(nodes, (1, 24, 6, 5), a=(30, 4, 3, 3), p=(30,))
    layer = layer_of(planned(model)[0], "y")
    assert isinstance(layer, Product)
    assert [block.outputs for block in layer.blocks] == [[*range(15), -1], [*range(15, 30), -1]]
    agree(model)
