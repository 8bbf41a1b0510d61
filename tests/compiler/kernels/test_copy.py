"""Copies as loops of even steps: all channels, each once, wherever they go."""

from collections.abc import Callable

import numpy as np
import pytest
from tests.compiler.graphs import agree, graph, planned

from martlet.compiler.codegen.emit import emit
from martlet.compiler.kernels.copy import Piece, Places, pieces_of
from martlet.compiler.targets import target

BLOCKS = [(49 * c, c // 16 * 784 + c % 16) for c in range(58)]
TURNED = [(a * 100 + b, b * 13 + a * 2) for a in range(5) for b in range(7)]
MIXED = [(int(a), b) for b, a in enumerate(np.random.default_rng(0).permutation(40))]


def walked(piece: Piece) -> list[tuple[int, int]]:
    """The places of its channels, the last loop innermost."""
    places = [piece.first]
    for count, here, there in piece.loops:
        places = [(at + n * here, to + n * there) for at, to in places for n in range(count)]
    return places


@pytest.mark.parametrize(
    ("where", "pieces"),
    [(BLOCKS, 2), (TURNED, 1), ([*TURNED, (5, 5)], 2), ([(3, 4)], 1), (BLOCKS[::-1], 4), ([], 0)],
)
def test_even_steps(where: list[tuple[int, int]], pieces: int) -> None:
    found = pieces_of(np.array(where, np.int64).reshape(-1, 2))
    assert len(found) == pieces
    assert [place for piece in found for place in walked(piece)] == where


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_given(seed: int) -> None:
    draw = np.random.default_rng(seed)
    where: Places = draw.integers(0, 4, (draw.integers(1, 30), 2)).cumsum(0)
    found = pieces_of(where)
    places = [place for piece in found for place in walked(piece)]
    assert places == [tuple(row) for row in where.tolist()][: len(places)]
    assert len(places) == len(where) or not found


def test_no_order_takes_a_table() -> None:
    assert not pieces_of(np.array(MIXED))
    nodes = "a = Conv (x, w) b = Gather <axis = 1> (a, order) y = Identity (b)"
    order = np.array([a for a, _ in MIXED])
    agree(graph(nodes, (1, 3, 4, 4), w=(40, 3, 1, 1), order=order), targets=("native", "portable"))


@pytest.fixture
def text() -> Callable[[tuple[int, ...]], str]:
    def made(shape: tuple[int, ...]) -> str:
        nodes = "a = Transpose <perm = [0, 2, 1, 3]> (x) b = Sin (a) y = Identity (b)"
        chosen = target("x86-64-v4")
        program, schedule = planned(graph(nodes, shape))
        return emit(program, schedule, chosen, weights="embedded", made_from="a.onnx").source

    return made


def test_text_does_not_grow_with_what_is_moved(text: Callable[[tuple[int, ...]], str]) -> None:
    small, large = text((1, 20, 30, 2)), text((1, 200, 300, 2))
    assert len(large) < len(small) + 200


def test_a_convolution_of_what_was_taken_apart_is_a_product() -> None:
    """Patches laid side by side, as vision transformers do: no map lies place by place."""
    nodes = """
        a = Conv (x, u)
        p = Reshape (a, apart)
        t = Transpose <perm = [0, 1, 4, 3, 2, 5]> (p)
        r = Reshape (t, together)
        y = Conv <pads = [1, 1, 1, 1]> (r, w)"""
    given = {"apart": [1, 20, 3, 2, 4, 2], "together": [1, 20, 8, 6]}
    model = graph(nodes, (1, 3, 6, 8), u=(20, 3, 1, 1), w=(5, 20, 3, 3), **given)
    layers = [type(layer).__name__ for layer in planned(model)[0].layers]
    assert layers.count("Product") == 2
    agree(model, targets=("native", "portable"))
