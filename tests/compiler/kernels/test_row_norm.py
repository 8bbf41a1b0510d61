"""Softmax and normalisation along rows: lengths around those of vectors, and long ones."""

import numpy as np
import onnx
import pytest
from tests.compiler.graphs import agree, close, graph, planned, random, run

LENGTHS = [
    pytest.param(length, marks=() if length in (3, 17, 67) else pytest.mark.slow)
    for length in (1, 3, 16, 17, 64, 67, 129)
]
TARGETS = ("native", "portable")


def kinds(model: onnx.ModelProto) -> set[str]:
    return {type(layer).__name__ for layer in planned(model)[0].layers}


@pytest.mark.parametrize("length", LENGTHS)
def test_softmax_and_its_logarithm(length: int) -> None:
    nodes = "a = Softmax (x) b = LogSoftmax (x) y = Add (a, b)"
    model = graph(nodes, (2, 3, length))
    assert "RowSoftmax" in kinds(model)
    agree(model, 10 * random(length, 2, 3, length), targets=TARGETS)


def test_softmax_of_what_is_no_number_and_of_infinity() -> None:
    x = random(1, 5, 20)
    x[0, 3], x[1, 19], x[2, 4] = np.nan, -np.inf, -np.inf
    x[3] = -np.inf
    agree(graph("y = Softmax (x)", x.shape), x, targets=TARGETS)


def test_softmax_of_large_numbers() -> None:
    x = 1e4 * random(2, 4, 33)
    agree(graph("y = Softmax (x)", x.shape), x, targets=TARGETS)


@pytest.mark.parametrize("length", LENGTHS[1:])  # of one value older runtimes take none
@pytest.mark.parametrize("given", ["g, s", "g"])
def test_layer_norm(length: int, given: str) -> None:
    nodes = f"y = LayerNormalization <epsilon = 0.01> (x, {given})"
    model = graph(nodes, (2, 3, length), g=(length,), s=(length,))
    assert "RowNorm" in kinds(model)
    agree(model, targets=TARGETS)


def test_layer_norm_over_two_axes_and_with_its_statistics() -> None:
    nodes = "y = LayerNormalization <axis = 1> (x, g, s)"
    model = graph(nodes, (2, 3, 20), g=(3, 20), s=(3, 20))
    assert "RowNorm" in kinds(model)
    agree(model)
    model = graph(nodes.replace("y =", "y, m, d ="), (2, 3, 20), "y m", g=(3, 20), s=(3, 20))
    assert "RowNorm" not in kinds(model)
    agree(model)


def test_a_gain_for_each_row_is_none_by_place() -> None:
    gain, x = random(1, 4, 1, 1), random(2, 4, 2, 2)
    model = graph("y = LayerNormalization <axis = 1> (x, g)", x.shape, g=gain)
    assert "RowNorm" not in kinds(model)
    exact = x - x.mean((1, 2), keepdims=True)
    exact /= np.sqrt(np.square(exact).mean((1, 2), keepdims=True) + 1e-5)
    close(run(model, {"x": x}), [exact * gain], 1e-5)  # of which older runtimes take one gain


@pytest.mark.parametrize("length", [5, 64, 67])
def test_rms_norm(length: int) -> None:
    gain, x = random(1, length), random(2, 2, 3, length)
    model = graph("y = RMSNormalization (x, g)", x.shape, opset=23, g=gain)
    assert "RowNorm" in kinds(model)
    exact = x / np.sqrt(np.square(x.astype(np.float64)).mean(-1, keepdims=True) + 1e-5) * gain
    for target in TARGETS:  # ONNX Runtime has it since 1.23
        close(run(model, {"x": x}, target), [exact], 1e-5)


@pytest.mark.parametrize("sides", [(1, 1), (3, 5), (8, 8), (9, 15)])
def test_instance_and_group_norm(sides: tuple[int, int]) -> None:
    nodes = """
        a = InstanceNormalization (x, g, s)
        y = GroupNormalization <num_groups = 2> (a, g, s)"""
    model = graph(nodes, (2, 6, *sides), opset=21, g=(6,), s=(6,))
    assert "RowNorm" in kinds(model)
    agree(model, targets=TARGETS)


def test_long_rows_with_a_large_mean() -> None:
    """Sums of a hundred thousand floats near 1,000: what is left without the mean is right."""
    x = 1000 + random(4, 1, 2, 300, 400)
    nodes = "y = InstanceNormalization <epsilon = 0.0> (x, g, s)"
    gain, shift = np.array([1, 2], np.float32), np.array([0, 1], np.float32)
    (y,) = run(graph(nodes, x.shape, g=gain, s=shift), {"x": x}, "native", 1)
    exact = x.astype(np.float64)
    exact -= exact.mean((2, 3), keepdims=True)
    exact /= np.sqrt(np.square(exact).mean((2, 3), keepdims=True))
    expected = exact * gain[:, None, None] + shift[:, None, None]
    np.testing.assert_allclose(y, expected, atol=3e-4)  # half of the last place near 1,000
