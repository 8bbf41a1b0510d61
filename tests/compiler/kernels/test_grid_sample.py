"""Maps read between their places, compared with ONNX Runtime and PyTorch."""

import numpy as np
import pytest
import torch
from tests.compiler.exported import marked
from tests.compiler.graphs import agree, close, graph, random, run

TARGETS = ("native", "portable")
PADDING = ("zeros", "border", "reflection")


def places(*shape: int) -> np.ndarray:
    """Coordinates inside, on the borders and far outside."""
    grid = random(1, *shape)
    edges = np.array([-1, 1, 0, 2.5, -7, 0.5], np.float32)
    grid.reshape(-1)[: len(edges)] = edges
    return grid


@pytest.mark.parametrize("corners", marked([0, 1], [0]))
@pytest.mark.parametrize("padding", marked(PADDING, ["zeros", "reflection"]))
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_maps(mode: str, padding: str, corners: int) -> None:
    ways = f'mode = "{mode}", padding_mode = "{padding}", align_corners = {corners}'
    sides = {"x": (2, 3, 5, 7), "grid": (2, 4, 6, 2)}
    model = graph(f"y = GridSample <{ways}> (x, grid)", sides, opset=16)
    agree(model, random(0, 2, 3, 5, 7), places(2, 4, 6, 2), targets=TARGETS)


@pytest.mark.parametrize("corners", marked([False, True], [True]))
@pytest.mark.parametrize("padding", marked(PADDING, ["border"]))
@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_volumes(mode: str, padding: str, corners: bool) -> None:
    ways = f'mode = "{mode}", padding_mode = "{padding}", align_corners = {int(corners)}'
    sides = {"x": (2, 3, 4, 5, 6), "grid": (2, 3, 2, 4, 3)}
    model = graph(f"y = GridSample <{ways}> (x, grid)", sides, opset=20)
    x, grid = random(0, *sides["x"]), places(*sides["grid"])
    expected = torch.nn.functional.grid_sample(
        torch.from_numpy(x), torch.from_numpy(grid), padding_mode=padding, align_corners=corners,
        mode="bilinear" if mode == "linear" else mode,
    )  # fmt: skip
    close(run(model, {"x": x, "grid": grid}), [expected.numpy()])


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_coordinates_that_are_no_numbers_read_inside(mode: str, padding: str) -> None:
    """What comes of them is not said; that nothing beside the maps is read is."""
    ways = f'mode = "{mode}", padding_mode = "{padding}"'
    sides = {"x": (1, 1, 5, 7), "grid": (1, 1, 4, 2)}
    grid = np.array([np.nan, 0, np.inf, 1, -np.inf, -1, 1e30, -1e30], np.float32)
    model = graph(f"y = GridSample <{ways}> (x, grid)", sides, opset=16)
    (y,) = run(model, {"x": np.ones((1, 1, 5, 7), np.float32), "grid": grid.reshape(1, 1, 4, 2)})
    assert np.isin(np.round(y, 4), [0, 1]).all()
