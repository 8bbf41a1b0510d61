"""Products of matrices row by row: sizes around those of tiles, stacks, steps, biases."""

from itertools import product

import onnx
import pytest
from tests.compiler.graphs import agree, graph, operators, planned, random

TARGETS = ("native", "portable")
ROWS, INNER, COLUMNS = (2, 6, 7, 13), (1, 5, 16), (3, 16, 17, 31, 64, 65, 100)
FEW = [(2, 1, 16), (6, 5, 64), (7, 5, 17), (13, 16, 100), (7, 5, 3), (6, 1, 31)]


def has_tiles(model: onnx.ModelProto) -> bool:
    return "RowProduct" in [type(layer).__name__ for layer in planned(model)[0].layers]


@pytest.mark.parametrize(
    ("rows", "inner", "columns"),
    [
        pytest.param(*sizes, marks=() if sizes in FEW else pytest.mark.long)
        for sizes in product(ROWS, INNER, COLUMNS)
    ],
)
def test_constant_weights_with_bias_and_activation(rows: int, inner: int, columns: int) -> None:
    nodes = "p = MatMul (x, w) q = Add (b, p) y = Gelu (q)"
    model = graph(nodes, (2, rows, inner), opset=20, w=(inner, columns), b=(columns,))
    assert operators(model) == ["MatMul"]
    assert has_tiles(model) == (columns >= 16)
    agree(model, targets=TARGETS)


@pytest.mark.parametrize("columns", [3, 17, 65])
def test_two_tensors(columns: int) -> None:
    given = {"x": (2, 3, 7, 5), "z": (2, 3, 5, columns)}
    model = graph("y = MatMul (x, z)", given)
    assert has_tiles(model) == (columns >= 16)
    agree(model, targets=TARGETS)


@pytest.mark.parametrize(
    ("one", "other"),
    [((7, 5), (4, 5, 20)), ((4, 7, 5), (5, 20)), ((2, 1, 7, 5), (3, 5, 20)), ((5,), (5, 20))],
)
def test_stacks_that_are_broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    agree(graph("y = MatMul (x, z)", {"x": one, "z": other}), targets=TARGETS)


def test_a_stack_of_weights() -> None:
    agree(graph("y = MatMul (x, w)", (3, 7, 5), w=random(1, 3, 5, 20)), targets=TARGETS)


def test_attention() -> None:
    """Keys come transposed, heads lie between: all steps but one."""
    nodes = """
        q = Reshape (x, heads)
        r = Transpose <perm = [0, 2, 1, 3]> (q)
        k = Transpose <perm = [0, 2, 3, 1]> (q)
        s = MatMul (r, k)
        t = Softmax (s)
        u = MatMul (t, r)
        o = Transpose <perm = [0, 2, 1, 3]> (u)
        y = Reshape (o, back)"""
    model = graph(nodes, (1, 21, 40), heads=[1, 21, 2, 20], back=[1, 21, 40])
    assert has_tiles(model)
    agree(model, targets=TARGETS)


@pytest.mark.parametrize("transposed", ["", "transB = 1", "transA = 1, transB = 1"])
@pytest.mark.parametrize("scale", ["", "alpha = 0.5, beta = 2.0"])
def test_gemm(transposed: str, scale: str) -> None:
    given = ", ".join(filter(None, (transposed, scale))) or "alpha = 1.0"
    sides = [(5, 4) if "A" in transposed else (4, 5), (20, 5) if "B" in transposed else (5, 20)]
    model = graph(f"y = Gemm <{given}> (x, w, b)", sides[0], w=sides[1], b=(20,))
    assert has_tiles(model) == (scale == "")
    agree(model, targets=TARGETS)


def test_what_is_no_bias() -> None:
    """A number for each row, more axes than the product has, and one read elsewhere."""
    for shape in ((4, 1), (2, 1, 20)):
        model = graph("p = MatMul (x, w) y = Add (p, b)", (4, 5), w=(5, 20), b=random(1, *shape))
        assert "MatMul" in operators(model)
        assert len(operators(model)) == 2
        agree(model)
    model = graph("p = MatMul (x, w) y = Add (p, b)", (4, 5), "y p", w=(5, 20), b=(20,))
    assert "MatMul" in operators(model)
    assert len(operators(model)) == 2
    agree(model)
