"""Sums of products by letters, whichever: compared with ONNX Runtime."""

import pytest
from tests.compiler.graphs import agree, graph, planned, random

CASES = (  # letters, shapes, and whether tiles of products of matrices do it
    ("ij,jk->ik", ((4, 5), (5, 20)), True),
    ("bhid,bhjd->bhij", ((2, 3, 4, 5), (2, 3, 20, 5)), True),
    ("bhij,bjhd->bihd", ((2, 3, 4, 6), (2, 6, 3, 17)), True),
    ("...ij,...jk->...ik", ((2, 3, 4, 5), (2, 3, 5, 20)), True),
    ("...ij,jk->...ik", ((2, 3, 4, 5), (5, 20)), True),
    ("nchw,kc->nkhw", ((1, 8, 4, 5), (16, 8)), True),
    ("ij,jk", ((3, 4), (4, 20)), True),
    ("ij->ji", ((3, 4),), False),
    ("ii->i", ((4, 4),), False),
    ("ij->", ((3, 4),), False),
    ("i,j->ij", ((3,), (4,)), False),
    ("bij,bij->b", ((2, 3, 4), (2, 3, 4)), True),
    ("bij,bjk->ik", ((2, 3, 4), (2, 4, 5)), True),
    ("ij,jk,kl->il", ((2, 3), (3, 4), (4, 5)), False),
)

QUICK = ("bhij,bjhd->bihd", "...ij,jk->...ik", "ii->i", "bij,bij->b", "ij,jk,kl->il")


@pytest.mark.parametrize(
    ("letters", "shapes", "tiled"),
    [pytest.param(*c, id=c[0], marks=[pytest.mark.long] * (c[0] not in QUICK)) for c in CASES],
)
def test_letters(letters: str, shapes: tuple[tuple[int, ...], ...], tiled: bool) -> None:
    sides = {f"x{number}": shape for number, shape in enumerate(shapes)}
    model = graph(f'y = Einsum <equation = "{letters}"> ({", ".join(sides)})', sides)
    kinds = {type(layer).__name__ for layer in planned(model)[0].layers}
    assert ("Einsum" in kinds) == (not tiled)
    values = [random(number, *shape) for number, shape in enumerate(shapes)]
    agree(model, *values, targets=("native", "portable"))


def test_a_constant_changes_its_order_once() -> None:
    model = graph('y = Einsum <equation = "bij,kj->bik"> (x, w)', (2, 3, 5), w=(20, 5))
    kinds = [type(layer).__name__ for layer in planned(model)[0].layers]
    assert kinds.count("Rearrange") == 0
    agree(model)
