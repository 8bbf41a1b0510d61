"""Linear quantisation computed in float: of weights beforehand, of tensors at run time."""

import numpy as np
import onnx
import pytest
from tests.compiler.graphs import agree, graph, operators, random

TARGETS = ("native", "portable")


@pytest.mark.parametrize("kind", ["uint8", "int8"])
@pytest.mark.parametrize("by_channel", [False, True])
def test_there_and_back(kind: str, by_channel: bool) -> None:
    scale = np.array([0.02, 0.03, 0.001] if by_channel else 0.02, np.float32)
    zero = np.array([1, 2, 3] if by_channel else 7, kind)
    way = "<axis = 1>" if by_channel else ""
    nodes = f"q = QuantizeLinear {way} (x, s, z) y = DequantizeLinear {way} (q, s, z)"
    model = graph(nodes, (2, 3, 4, 5), f"y q:{kind}", s=scale, z=zero)
    agree(model, 3 * random(0, 2, 3, 4, 5), targets=TARGETS)


def test_halves_go_to_even_numbers() -> None:
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 300, -300], np.float32)
    agree(graph("y = QuantizeLinear (x, s)", (7,), "y:uint8", s=np.float32(1)), x)


@pytest.mark.parametrize("opset", [13, 19])
def test_weights_are_floats_beforehand(opset: int) -> None:
    """As files of weights of 8 bits have them; operator sets below 19 onnx's reference lacks."""
    weight = np.random.default_rng(0).integers(-127, 128, (20, 3, 3, 3), np.int8)
    scales = np.abs(random(1, 20)) / 100
    nodes = "w = DequantizeLinear <axis = 0> (q, s, z) y = Conv (x, w)"
    model = graph(nodes, (1, 3, 8, 9), opset=opset, q=weight, s=scales, z=np.zeros(20, np.int8))
    assert operators(model) == ["Conv"]
    agree(model, targets=TARGETS)


def test_a_network_with_both() -> None:
    """As ONNX Runtime's quantize_static writes it: numbers in 8 bits between float operators."""
    nodes = """
        a = QuantizeLinear (x, s, z)
        b = DequantizeLinear (a, s, z)
        w = DequantizeLinear <axis = 0> (q, t, n)
        c = Conv <pads = [1, 1, 1, 1]> (b, w)
        r = Relu (c)
        d = QuantizeLinear (r, s, z)
        y = DequantizeLinear (d, s, z)"""
    model = graph(
        nodes, (1, 3, 8, 9), s=np.float32(0.03), z=np.array(110, np.uint8),
        q=np.random.default_rng(0).integers(-127, 128, (20, 3, 3, 3), np.int8),
        t=np.abs(random(1, 20)) / 100, n=np.zeros(20, np.int8),
    )  # fmt: skip
    for operator in model.graph.node:
        assert isinstance(operator, onnx.NodeProto)
    agree(model, targets=TARGETS)
