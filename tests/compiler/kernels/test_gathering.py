"""Places that another tensor names at run time."""

from collections.abc import Sequence

import numpy as np
import pytest
from tests.compiler.exported import marked
from tests.compiler.graphs import agree, graph, random, run

TARGETS = ("native", "portable")
SIDES = (2, 5, 7)


def places(seed: int, low: int, high: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, shape)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", marked([(3, 2), (4,), ()], [(3, 2)]))
def test_slices_along_an_axis(axis: int, shape: Sequence[int]) -> None:
    """Negative places count from the end."""
    at = places(1, -SIDES[axis], SIDES[axis], *shape)
    model = graph(f"y = Gather <axis = {axis}> (x, at)", {"x": SIDES, "at:int64": shape})
    agree(model, random(0, *SIDES), at, targets=TARGETS)


def test_a_table_of_constants() -> None:
    """As an embedding of words."""
    model = graph("y = Gather (w, at)", {"at:int64": (2, 6)}, w=(9, 20))
    agree(model, places(1, 0, 9, 2, 6), targets=TARGETS)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_place_for_each_value(axis: int) -> None:
    shape = [*SIDES]
    shape[axis] = 9
    at = places(1, -SIDES[axis], SIDES[axis], *shape)
    model = graph(f"y = GatherElements <axis = {axis}> (x, at)", {"x": SIDES, "at:int64": shape})
    agree(model, random(0, *SIDES), at, targets=TARGETS)


@pytest.mark.parametrize(("batch", "named"), [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (2, 1)])
def test_slices_by_their_first_axes(batch: int, named: int) -> None:
    shape = (*SIDES[:batch], 4)
    each = [places(n, -side, side, *shape) for n, side in enumerate(SIDES[batch : batch + named])]
    at = np.stack(each, -1)
    model = graph(
        f"y = GatherND <batch_dims = {batch}> (x, at)", {"x": SIDES, "at:int64": at.shape}
    )
    agree(model, random(0, *SIDES), at, targets=TARGETS)


@pytest.mark.parametrize("value", [-(10**9), -6, 5, 10**9])
def test_nothing_is_read_outside(value: int) -> None:
    """A wrong place gives the first or the last one, whatever lies beside the tensor."""
    x, at = random(0, 5, 3), np.array([value])
    model = graph("y = Gather (x, at)", {"x": (5, 3), "at:int64": (1,)})
    (y,) = run(model, {"x": x, "at": at})
    np.testing.assert_array_equal(y[0], x[0 if value < 0 else 4])
