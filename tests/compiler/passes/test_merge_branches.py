"""Branches that are summed without anything between: one convolution, the same numbers."""

import numpy as np
import onnx
import pytest
from tests.compiler.graphs import agree, graph, operators, random

THREE = "pads = [1, 1, 1, 1]"
BRANCHES = {  # nodes from x (1, 8, 9, 10) to s, and weights
    "3×3 and 1×1": (f"a = Conv <{THREE}> (x, w, b) c = Conv (x, v) s = Add (a, c)", 3, 1, 1),
    "1×1 first": (f"a = Conv (x, v) c = Conv <{THREE}> (x, w, b) s = Add (a, c)", 3, 1, 1),
    "a norm beside": (
        f"""a = Conv <{THREE}> (x, w, b) n = BatchNormalization (x, g, h, m, q)
            s = Add (n, a)""", 3, 1, 1,
    ),
    "three of them": (
        f"""a = Conv <{THREE}> (x, w, b) c = Conv (x, v) t = Add (a, c)
            n = BatchNormalization (x, g, h, m, q) s = Add (t, n)""", 3, 1, 1,
    ),
    "depthwise": (
        f"""a = Conv <{THREE}, group = 8> (x, w, b) c = Conv <group = 8> (x, v) t = Add (a, c)
            s = Add (x, t)""", 3, 1, 8,
    ),
    "groups": (
        f"""a = Conv <{THREE}, group = 2> (x, w, b) c = Conv <group = 2> (x, v) t = Add (c, a)
            n = BatchNormalization (x, g, h, m, q) s = Add (n, t)""", 3, 1, 2,
    ),
    "5×5 and 3×3": (
        f"""a = Conv <pads = [2, 2, 2, 2]> (x, w, b) c = Conv <{THREE}> (x, v)
            s = Add (a, c)""", 5, 3, 1,
    ),
    "strides": (
        """a = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, w, b)
           c = Conv <strides = [2, 2]> (x, v) s = Add (a, c)""", 3, 1, 1,
    ),
    "dilated": (
        """a = Conv <pads = [4, 4, 4, 4], dilations = [2, 2]> (x, w, b)
           c = Conv <pads = [2, 2, 2, 2], dilations = [2, 2]> (x, v) s = Add (a, c)""", 5, 3, 1,
    ),
}  # fmt: skip
KEPT = {
    "a function between": (
        f"a = Conv <{THREE}> (x, w, b) r = Relu (a) c = Conv (x, v) s = Add (r, c)", 3, 1, 1,
    ),
    "other maps": (
        f"a = Conv <{THREE}> (x, w, b) z = Sin (x) c = Conv (z, v) s = Add (a, c)", 3, 1, 1,
    ),
    "another reader": (
        f"a = Conv <{THREE}> (x, w, b) c = Conv (x, v) t = Add (a, c) s = Mul (t, a)", 3, 1, 1,
    ),
    "taps that do not meet": (
        """a = Conv <pads = [2, 2, 2, 2], dilations = [2, 2]> (x, w, b)
           c = Conv <pads = [1, 1, 1, 1]> (x, v) s = Add (a, c)""", 3, 3, 1,
    ),
    "x beside a pointwise one": ("a = Conv (x, v, b) s = Add (a, x)", 3, 1, 1),
    "groups beside none": (
        f"a = Conv <{THREE}, group = 8> (x, w, b) c = Conv (x, u) s = Add (a, c)", 3, 1, 8,
    ),
}  # fmt: skip


def summed(nodes: str, large: int, small: int, groups: int) -> onnx.ModelProto:
    each = 8 // groups
    weights = {
        "w": (8, each, large, large), "b": (8,), "v": (8, each, small, small), "u": (8, 8, 1, 1),
        "g": (8,), "h": (8,), "m": (8,), "q": np.abs(random(9, 8)),
    }  # fmt: skip
    words = set(nodes.replace(",", " ").replace("(", " ").replace(")", " ").split())
    kept = {name: value for name, value in weights.items() if name in words}
    return graph(f"{nodes} y = Relu (s)", (1, 8, 9, 10), **kept)


@pytest.mark.parametrize("what", BRANCHES)
def test_one_convolution(what: str) -> None:
    model = summed(*BRANCHES[what])
    assert operators(model) == ["Conv"]
    agree(model, targets=("native", "portable"))


@pytest.mark.parametrize("what", KEPT)
def test_what_stays_as_it_is(what: str) -> None:
    model = summed(*KEPT[what])
    assert len(operators(model)) > 1 or what == "x beside a pointwise one"
    agree(model)


def test_a_sum_that_is_an_output_keeps_its_name() -> None:
    nodes = f"a = Conv <{THREE}> (x, w) c = Conv (x, v) y = Add (a, c)"
    model = graph(nodes, (1, 8, 9, 10), w=(8, 8, 3, 3), v=(8, 8, 1, 1))
    assert operators(model) == ["Conv"]
    agree(model)
