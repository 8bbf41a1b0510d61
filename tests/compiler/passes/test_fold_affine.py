import numpy as np
import pytest
from tests.compiler.graphs import agree, graph, operators, random, simplified

from martlet.compiler.ir.operators import Activation

PICTURE = (1, 4, 5, 6)


def norm(seed: int, channels: int) -> dict[str, np.ndarray]:
    values = {key: random(seed + place, channels) for place, key in enumerate("gsm")}
    return {**values, "v": np.abs(random(seed + 3, channels)) + 0.1}


def test_batch_norm_goes_into_the_convolution_before_it() -> None:
    nodes = """
        a = Conv (x, w)
        b = BatchNormalization <epsilon = 0.001> (a, g, s, m, v)
        y = Relu (b)"""
    model = graph(nodes, PICTURE, w=(8, 4, 3, 3), **norm(2, 8))
    (conv,) = simplified(model).nodes
    assert conv.attributes["act"] == Activation("relu")
    agree(model)


@pytest.mark.parametrize("shape", [(2, 8), (1, 8, 5), (1, 8, 5, 6), (2, 8, 3, 4, 5)])
def test_batch_norm_elsewhere_is_a_scale_and_a_shift(shape: tuple[int, ...]) -> None:
    """As in DenseNet: behind a pool, before an activation."""
    nodes = "a = Abs (x) b = BatchNormalization (a, g, s, m, v) y = HardSwish (b)"
    model = graph(nodes, shape, **norm(2, 8))
    assert operators(model) == ["Abs", "ScaleShift"]
    agree(model)


def test_batch_norm_in_blocks() -> None:
    nodes = """
        a = Conv (x, w)
        r = Relu (a)
        b = BatchNormalization (r, g, s, m, v)
        c = Relu (b)
        y = Add (a, c)"""
    model = graph(nodes, PICTURE, w=(8, 4, 3, 3), **norm(2, 8))
    assert "ScaleShift" in operators(model)
    agree(model)


def test_a_convolution_that_is_read_twice_keeps_its_weights() -> None:
    nodes = "a = Conv (x, w) b = BatchNormalization (a, g, s, m, v) y = Add (a, b)"
    agree(graph(nodes, PICTURE, w=(8, 4, 3, 3), **norm(2, 8)))


def test_constants_by_channel_are_folded_however_they_are_written() -> None:
    nodes = """
        a = Sub (x, mean)
        b = Div (a, two)
        c = Conv (b, w)
        d = Mul (c, by)
        e = Add (more, d)
        y = Sub (two, e)"""
    constants = {"mean": (1, 4, 1, 1), "two": 2.0, "w": (8, 4, 1, 1)}
    constants |= {"by": (8, 1, 1), "more": (1, 8, 1, 1)}
    model = graph(nodes, PICTURE, **constants)
    assert operators(model) == ["ScaleShift", "Conv"]
    agree(model)


def test_a_constant_by_place_is_not() -> None:
    model = graph("y = Mul (x, k)", PICTURE, k=(6,))
    assert operators(model) == ["Mul"]
    agree(model)


@pytest.mark.parametrize("order", ["gate", "product", "reciprocal"])
def test_hard_swish_of_older_exports(order: str) -> None:
    tails = {
        "gate": "d = Div (c, six) y = Mul (a, d)",
        "product": "d = Mul (c, a) y = Div (d, six)",
        "reciprocal": "d = Mul (a, c) y = Mul (d, sixth)",
    }
    nodes = f"a = Conv (x, w) b = Add (a, three) c = Clip (b, zero, six) {tails[order]}"
    constants = {"three": 3.0, "zero": 0.0, "six": 6.0, "sixth": 1 / 6, "w": (8, 4, 1, 1)}
    model = graph(nodes, PICTURE, **constants)
    (conv,) = simplified(model).nodes
    assert conv.attributes["act"] == Activation("hard_swish")
    agree(model, 3 * random(0, *PICTURE))


@pytest.mark.parametrize("mode", ["constant", "edge"])
def test_zeros_around_a_map_become_the_window_s_padding(mode: str) -> None:
    nodes = f"""
        a = Pad <mode = "{mode}"> (x, pads)
        b = Conv <strides = [2, 2]> (a, w)
        c = Pad <mode = "{mode}"> (b, pads)
        y = AveragePool <kernel_shape = [3, 3]> (c)"""
    constants = {"pads": [0, 0, 0, 1, 0, 0, 1, 2], "w": (8, 4, 3, 3)}
    model = graph(nodes, PICTURE, **constants)
    assert ("Pad" in operators(model)) == (mode == "edge")
    agree(model)


def test_infinite_statistics_are_not_folded() -> None:
    constants = {**norm(2, 4), "g": np.array([np.inf, 1, np.nan, 1], np.float32)}
    nodes = "y = BatchNormalization (x, g, s, m, v)"
    model = graph(nodes, PICTURE, **constants)
    assert operators(model) == ["BatchNormalization"]


def test_weights_that_are_no_normal_numbers_are_zero() -> None:
    """Also those that a tiny scale of the batch norm behind them makes."""
    weight, scale = random(1, 8, 4, 1, 1), np.abs(random(2, 8)) + np.float32(0.5)
    weight[0], scale[1] = 1e-40, 1e-40
    nodes = "a = Conv (x, w) y = BatchNormalization (a, g, s, m, v)"
    given = {
        "s": np.zeros(8, np.float32),
        "m": np.zeros(8, np.float32),
        "v": np.ones(8, np.float32),
    }
    model = graph(nodes, PICTURE, w=weight, g=scale, **given)
    found = simplified(model)
    (conv,) = found.nodes
    folded = found.constants[conv.inputs[1]]
    assert not folded[:2].any()
    assert np.abs(folded[2:]).min() > 1e-30
    agree(model)
