"""Which Concats become one node with the Transposes before them, and which stay."""

import pytest
from tests.compiler.graphs import agree, graph, operators

HEADS = """
    a = Relu (x)
    b = Sin (x)
    c = Reshape (a, flat)
    d = Reshape (b, flat)
    e = Transpose <perm = [0, 2, 1]> (c)
    f = Transpose <perm = [0, 2, 1]> (d)
    y = Concat <axis = 1> (e, f)"""


def test_heads_become_one_node() -> None:
    model = graph(HEADS, (1, 6, 4, 5), flat=[1, 6, 20])
    assert operators(model) == ["Relu", "Sin", "Reshape", "Reshape", "JoinedPlaces"]
    agree(model)


def test_an_output_of_the_network_stays_what_it_is() -> None:
    model = graph(HEADS, (1, 6, 4, 5), "y e", flat=[1, 6, 20])
    assert "Concat" in operators(model)
    agree(model)


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param(
            """a = Reshape (x, flat)
            t = Transpose <perm = [0, 2, 1]> (a)
            y = Concat <axis = 1> (t, t)""",
            id="read twice",
        ),
        pytest.param(
            """a = Relu (x)
            b = Reshape (a, flat)
            t = Transpose <perm = [2, 0, 1]> (b)
            u = Transpose <perm = [2, 0, 1]> (b)
            y = Concat <axis = 0> (t, u)""",
            id="another order",
        ),
    ],
)
def test_others_are_as_they_were(nodes: str) -> None:
    model = graph(nodes, (1, 6, 4, 5), flat=[1, 6, 20])
    assert "Concat" in operators(model)
    agree(model)
