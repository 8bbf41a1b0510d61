"""Networks with channels last, as Keras' exporter writes them: their transposes cancel."""

import numpy as np
import onnx
import pytest
from tests.compiler.exported import marked
from tests.compiler.graphs import agree, graph, operators, planned, random

IN, OUT = "<perm = [0, 3, 1, 2]>", "<perm = [0, 2, 3, 1]>"


def between(nodes: str, **constants: object) -> onnx.ModelProto:
    """Convolutions with channels first, and `nodes` from a to b with channels last between them."""
    text = f"""
        i = Transpose {IN} (x)
        c = Conv <pads = [1, 1, 1, 1]> (i, w)
        a = Transpose {OUT} (c)
        {nodes}
        j = Transpose {IN} (b)
        d = Conv (j, v)
        y = Transpose {OUT} (d)"""
    return graph(text, (1, 6, 7, 3), w=(20, 3, 3, 3), v=(8, 20, 1, 1), **constants)


CASES = {
    "an activation": "b = HardSwish (a)",
    "limits": "b = Clip (a, low, high)",
    "a norm in parts": "s = Mul (a, g) b = Add (s, h)",
    "a slope for each channel": "b = PRelu (a, g)",
    "two ways": "s = Sigmoid (a) b = Mul (a, s)",
    "a shortcut": "r = Relu (a) s = Tanh (r) b = Add (a, s)",
    "pads": 'b = Pad <mode = "reflect"> (a, pads)',
    "a part": "b = Slice (a, first, last, axes)",
    "halves": "l, r = Split <axis = 3> (a, halves) b = Concat <axis = 3> (r, l)",
    "a softmax": "b = Softmax <axis = 3> (a)",
    "a resize": 'b = Resize <mode = "linear"> (a, , scales)',
    "a gate": "m = ReduceMean <axes = [1, 2]> (a) s = Sigmoid (m) b = Mul (a, s)",
    "the largest": "m = ReduceMax <axes = [3]> (a) b = Sub (a, m)",
    "a choice": "q = Greater (a, low) b = Where (q, a, g)",
}
CONSTANTS: dict[str, object] = {
    "low": -0.2, "high": 0.3, "g": (20,), "h": (20,), "pads": [0, 1, 2, 0, 0, 1, 0, 0],
    "first": [1, 0], "last": [5, 9], "axes": [1, 2], "halves": [12, 8],
    "scales": np.array([1, 2, 1.5, 1], np.float32),
}  # fmt: skip


QUICK = ("an activation", "pads", "halves", "a gate", "a choice")


@pytest.mark.parametrize("what", marked([*CASES], QUICK))
def test_what_stands_between_is_done_with_channels_first(what: str) -> None:
    nodes = CASES[what]
    model = between(nodes, **{name: v for name, v in CONSTANTS.items() if name in nodes})
    assert operators(model).count("Transpose") == 2  # of the input and the output
    agree(model, targets=("native", "portable"))


def test_a_gate_by_convolutions() -> None:
    """Squeeze and excitation: its maps have one place, which is no matter of order."""
    nodes = f"""
        m = ReduceMean <axes = [1, 2]> (a)
        p = Transpose {IN} (m)
        q = Conv (p, k)
        r = Relu (q)
        s = Conv (r, l)
        t = Transpose {OUT} (s)
        u = Sigmoid (t)
        b = Mul (a, u)"""
    model = between(nodes, k=(5, 20, 1, 1), l=(20, 5, 1, 1))
    assert operators(model).count("Transpose") == 2
    agree(model, targets=("native", "portable"))


def test_axes_that_go() -> None:
    """A mean over the places leaves the channels, in whatever order their axes were."""
    text = f"""
        i = Transpose {IN} (x)
        c = Conv (i, w)
        a = Transpose {OUT} (c)
        r = Relu (a)
        m = ReduceMean <axes = [1, 2], keepdims = 0> (r)
        y = MatMul (m, k)"""
    model = graph(text, (1, 5, 6, 3), w=(20, 3, 1, 1), k=(20, 4))
    assert operators(model).count("Transpose") == 1
    agree(model)


def test_the_largest_class_of_each_place() -> None:
    text = f"""
        i = Transpose {IN} (x)
        c = Conv (i, w)
        a = Transpose {OUT} (c)
        y = ArgMax <axis = 3, keepdims = 0> (a)"""
    model = graph(text, (1, 5, 6, 3), "y:int64", w=(20, 3, 1, 1))
    assert operators(model).count("Transpose") == 1
    agree(model)


def test_where_it_would_move_more_nothing_changes() -> None:
    """What is widened behind a transpose would be transposed when it is large."""
    model = graph(f"a = Transpose {IN} (x) y = Mul (a, w)", (1, 1, 1, 5), w=(1, 5, 30, 40))
    assert operators(model) == ["Transpose", "Mul"]
    agree(model)


def test_several_readers() -> None:
    """One that needs channels last has them; the transpose that it reads stays."""
    text = f"""
        c = Conv (x, w)
        a = Transpose {OUT} (c)
        r = Relu (a)
        j = Transpose {IN} (r)
        d = Conv (j, v)
        z = Transpose {OUT} (d)
        y = Concat <axis = 3> (z, r)"""
    agree(graph(text, (1, 3, 6, 7), w=(20, 3, 1, 1), v=(8, 20, 1, 1)))


@pytest.mark.parametrize("channels", marked([3, 20, 70], [20]))
def test_maps_too_large_for_names(channels: int) -> None:
    """From channels last to blocks of channels, and back, each value moves once."""
    text = f"""
        i = Transpose {IN} (x)
        c = Conv (i, w)
        a = Transpose {OUT} (c)
        s = Softmax <axis = 2> (a)
        y = Transpose {IN} (s)"""
    model = graph(text, (1, 60, 50, channels), w=(channels + 17, channels, 1, 1))
    agree(model, targets=("native", "portable"))
    text = f"""
        c = Conv (x, w)
        a = Transpose {OUT} (c)
        n = LayerNormalization <axis = 3> (a, g)
        b = Transpose {IN} (n)
        y = Conv (b, v)"""
    wide = channels + 17
    model = graph(text, (1, 3, 60, 70), w=(wide, 3, 1, 1), g=random(1, wide), v=(8, wide, 1, 1))
    kinds = [type(layer).__name__ for layer in planned(model)[0].layers]
    assert kinds.count("ToRows") == kinds.count("FromRows") == 1
    assert "Rearrange" not in kinds
    agree(model, targets=("native", "portable"), threads=[1, 3])
