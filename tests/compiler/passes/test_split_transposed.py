"""Which transposed convolutions become ordinary ones, and what is folded and fused into these."""

from itertools import product
from typing import Any

import onnx
import pytest
from tests.compiler.graphs import agree, graph, operators, random


def transposed(attributes: str, kernel: int = 3, groups: int = 1, **more: Any) -> onnx.ModelProto:
    nodes = f"""
        a = Conv (x, u)
        y = ConvTranspose <group = {groups}, {attributes}> (a, w, b)"""
    weight = (8, 12 // groups, kernel, kernel)
    return graph(nodes, (1, 3, 5, 6), u=(8, 3, 1, 1), w=weight, b=(12,), **more)


CASES = [
    (kernel, stride, pad, extra)
    for kernel, stride, pad, extra in product((1, 2, 3, 4, 5), (1, 2, 3), (0, 1), (0, 1))
    if extra < stride and 2 * pad <= kernel - 1 + 4 * stride
]
FEW = [(1, 2, 0, 0), (3, 2, 1, 1), (4, 2, 1, 0), (3, 1, 1, 0), (2, 3, 0, 1)]


def with_window(kernel: int, stride: int, pad: int, extra: int, groups: int) -> onnx.ModelProto:
    return transposed(
        f"strides = [{stride}, {stride}], pads = [{pad}, {pad}, {pad}, {pad}], "
        f"output_padding = [{extra}, {extra}]",
        kernel,
        groups,
    )


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=() if c in FEW else pytest.mark.long) for c in CASES], ids=str
)
@pytest.mark.parametrize("groups", [1, pytest.param(2, marks=pytest.mark.long)])
def test_all_windows(case: tuple[int, int, int, int], groups: int) -> None:
    agree(with_window(*case, groups), targets=("native", "portable"))


def test_phases_are_convolutions() -> None:
    twice = ["Conv"] * 5
    assert operators(transposed("strides = [2, 2], pads = [1, 1, 1, 1]")) == [*twice, "Interleaved"]
    assert operators(transposed("dilations = [2, 2]")) == ["Conv", "Conv"]


@pytest.mark.parametrize(
    ("attributes", "kernel"),
    [
        ("strides = [2, 2], dilations = [2, 2]", 3),
        ("strides = [2, 2], pads = [1, 1, 1, 1]", 2),  # more padding than some of its taps reach
    ],
)
def test_what_stays(attributes: str, kernel: int) -> None:
    model = transposed(attributes, kernel)
    assert "ConvTranspose" in operators(model)
    agree(model)


@pytest.mark.parametrize(
    "attributes",
    [
        'auto_pad = "SAME_UPPER", strides = [2, 2]',
        'auto_pad = "SAME_LOWER", strides = [3, 2]',
        "output_shape = [11, 12], strides = [2, 2]",
        "strides = [1, 2], pads = [2, 1, 1, 0]",
    ],
)
def test_other_ways_to_say_the_padding(attributes: str) -> None:
    model = transposed(attributes, kernel=4)
    assert "ConvTranspose" not in operators(model)
    agree(model)


def test_maps_of_one_and_of_three_axes() -> None:
    one = "y = ConvTranspose <strides = [2], pads = [1, 1]> (x, w)"
    model = graph(one, (1, 4, 9), w=(4, 6, 4))
    assert "Interleaved" in operators(model)
    agree(model, targets=("native", "portable"))
    three = "y = ConvTranspose <strides = [2, 2, 2]> (x, w)"
    model = graph(three, (1, 2, 3, 3, 3), w=(2, 3, 2, 2, 2))
    assert operators(model) == ["ConvTranspose"]
    agree(model)


@pytest.mark.parametrize("groups", [1, 4, 8])
def test_what_comes_behind_is_taken_along(groups: int) -> None:
    nodes = f"""
        a = ConvTranspose <strides = [2, 2], group = {groups}> (x, w)
        n = BatchNormalization (a, gain, shift, mean, variance)
        y = Relu (n)"""
    channels = 8
    model = graph(
        nodes, (1, 8, 4, 5), w=(8, channels // groups, 2, 2), gain=(channels,), shift=(channels,),
        mean=(channels,), variance=random(5, channels) ** 2 + 1,
    )  # fmt: skip
    assert operators(model) == [*["Conv"] * 4, "Interleaved"]
    agree(model)


def test_weights_that_are_known_at_run_time_only() -> None:
    nodes = "y = ConvTranspose <strides = [2, 2]> (x, w)"
    model = graph(nodes, {"x": (1, 3, 4, 4), "w": (3, 5, 2, 2)})
    assert operators(model) == ["ConvTranspose"]
    agree(model)
