"""Places of the largest and smallest values, and the best few of them."""

import numpy as np
import pytest
from tests.compiler.exported import marked
from tests.compiler.graphs import agree, graph, random, run

TARGETS = ("native", "portable")


def with_ties(*shape: int) -> np.ndarray:
    """Few different values, so that many are equal."""
    return np.round(random(0, *shape)).astype(np.float32)


@pytest.mark.parametrize("axis", marked([0, 1, 2, -1], [1, -1]))
@pytest.mark.parametrize("operator", ["ArgMax", "ArgMin"])
def test_places_of_extremes(axis: int, operator: str) -> None:
    nodes, names = "", []
    for keep in (0, 1):
        for last in (0, 1):
            name = f"y{keep}{last}"
            ways = f"axis = {axis}, keepdims = {keep}, select_last_index = {last}"
            nodes += f"{name} = {operator} <{ways}> (x)\n"
            names.append(f"{name}:int64")
    agree(graph(nodes, (3, 5, 70), " ".join(names)), with_ties(3, 5, 70), targets=TARGETS)


def test_a_map_of_classes() -> None:
    """As networks of segmentation end: behind a convolution, in blocks of channels."""
    nodes = "a = Conv <pads = [1, 1, 1, 1]> (x, w) y = ArgMax <axis = 1, keepdims = 0> (a)"
    agree(graph(nodes, (1, 3, 9, 11), "y:int64", w=(21, 3, 3, 3)), targets=TARGETS, threads=[1, 3])


@pytest.mark.parametrize("axis", marked([0, 1, -1], [1]))
@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("count", [1, 3])
def test_the_best_few(axis: int, largest: int, count: int) -> None:
    nodes = f"y, at = TopK <axis = {axis}, largest = {largest}> (x, k)"
    model = graph(nodes, (3, 4, 6), "y at:int64", k=[count])
    agree(model, with_ties(3, 4, 6), targets=TARGETS)


def test_all_of_them_in_order() -> None:
    """So that sorting is a use of it; either output may be left out."""
    x = with_ties(2, 40)
    model = graph("y, at = TopK (x, k)", (2, 40), "at:int64", k=[40])
    (places,) = run(model, {"x": x})
    np.testing.assert_array_equal(places, np.argsort(-x, axis=1, kind="stable"))
