"""Activations written as several nodes become one; what only looks like them stays."""

import io
from collections.abc import Callable

import onnx
import pytest
import torch
from tests.compiler.graphs import agree, graph, operators
from torch import nn

ROOT_TWO = 2.0**0.5
BY_ERF = "d = Div (x, root) e = Erf (d) f = Add (e, one) "
ORDERS = {
    "as torch": BY_ERF + "g = Mul (x, f) y = Mul (g, half)",
    "half of x": BY_ERF + "h = Mul (half, x) y = Mul (h, f)",
    "half of the rest": BY_ERF + "h = Mul (f, half) y = Mul (h, x)",
    "divided": BY_ERF + "g = Mul (f, x) y = Div (g, two)",
    "added from the left": "d = Div (x, root) e = Erf (d) f = Add (one, e) g = Mul (x, f) "
    "y = Mul (half, g)",
}
OTHERS = {
    "another factor": BY_ERF + "g = Mul (x, f) y = Mul (g, two)",
    "another root": "d = Div (x, two) e = Erf (d) f = Add (e, one) g = Mul (x, f) "
    "y = Mul (g, half)",
    "two added": "d = Div (x, root) e = Erf (d) f = Add (e, two) g = Mul (x, f) y = Mul (g, half)",
    "divided by": BY_ERF + "g = Div (x, f) y = Mul (g, half)",
    "times another": BY_ERF + "s = Sin (x) g = Mul (s, f) y = Mul (g, half)",
}


def written(nodes: str, outputs: str = "y") -> onnx.ModelProto:
    return graph(nodes, (2, 3, 4, 5), outputs, root=ROOT_TWO, one=1.0, half=0.5, two=2.0)


@pytest.mark.parametrize("order", ORDERS)
def test_gelu_in_any_order(order: str) -> None:
    model = written(ORDERS[order])
    assert operators(model) == ["Gelu"]
    agree(model)


@pytest.mark.parametrize("other", OTHERS)
def test_what_only_looks_like_it(other: str) -> None:
    model = written(OTHERS[other])
    assert "Gelu" not in operators(model)
    agree(model)


@pytest.mark.parametrize("name", ["e", "f", "g"])
def test_what_is_read_elsewhere_stays(name: str) -> None:
    model = written(ORDERS["as torch"], f"y {name}")
    assert "Gelu" not in operators(model)
    agree(model)


def exported(activation: nn.Module, opset: int) -> onnx.ModelProto:
    file, module = io.BytesIO(), nn.Sequential(nn.Conv2d(3, 20, 1), activation).eval()
    torch.onnx.export(module, (torch.zeros(1, 3, 4, 4),), file, dynamo=False, opset_version=opset)
    return onnx.load_from_string(file.getvalue())


@pytest.mark.parametrize("opset", [13, 17])
@pytest.mark.parametrize(
    "make",
    [
        nn.GELU, lambda: nn.GELU(approximate="tanh"), nn.Mish, nn.SiLU, nn.Softplus, nn.ELU,
        nn.SELU, nn.CELU, nn.Tanh,
    ],
    ids=["gelu", "gelu by tanh", "mish", "silu", "softplus", "elu", "selu", "celu", "tanh"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchs_are_fused_into_the_convolution(make: Callable[[], nn.Module], opset: int) -> None:
    model = exported(make(), opset)
    assert operators(model) == ["Conv"]
    agree(model, targets=("native", "portable"))


def test_softplus_with_a_threshold() -> None:
    nodes = "s = Softplus (x) g = Greater (x, limit) y = Where (g, x, s)"
    for limit, kept in ((20.0, ["Softplus"]), (2.0, ["Softplus", "Greater", "Where"])):
        model = graph(nodes, (2, 3, 4), limit=limit)
        assert operators(model) == kept
        agree(model)


def test_gelu_by_tanh_of_a_power() -> None:
    nodes = """p = Pow (x, three) q = Mul (p, cube) a = Add (q, x) s = Mul (a, scale)
        t = Tanh (s) f = Add (t, one) g = Mul (f, x) y = Mul (g, half)"""
    given = {"three": 3.0, "scale": 0.7978845608, "one": 1.0, "half": 0.5}
    model = graph(nodes, (2, 3, 4), cube=0.044715, **given)
    assert operators(model) == ["Gelu"]
    agree(model)
    assert "Gelu" not in operators(graph(nodes, (2, 3, 4), cube=0.05, **given))
