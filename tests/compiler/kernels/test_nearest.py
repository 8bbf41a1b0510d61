"""Resize to the nearest place: in blocks, row by row, and each mode of ONNX against its runtime."""

from itertools import product

import numpy as np
import onnx
import pytest
from tests.compiler.graphs import agree, graph, planned, random

from martlet.errors import MartletError

MODES = ("asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric")
ROUNDINGS = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
IN_BLOCKS = """
    a = Conv <pads = [1, 1, 1, 1]> (x, w)
    b = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric",
                nearest_mode = "floor"> (a, , scales)
    c = Conv (b, v)
    y = Add (c, b)"""


def in_blocks(scales: tuple[float, float], side: int = 6) -> onnx.ModelProto:
    given = np.array([1, 1, *scales], np.float32)
    return graph(
        IN_BLOCKS, (1, 3, side, side + 1), w=(20, 3, 3, 3), v=(20, 20, 1, 1), scales=given, opset=19
    )


def kinds(model: onnx.ModelProto) -> list[str]:
    return [type(layer).__name__ for layer in planned(model)[0].layers]


@pytest.mark.parametrize("scales", [(2, 2), (3, 2), (1, 2), (1.5, 2.5), (0.5, 0.7)])
def test_in_blocks_between_convolutions(scales: tuple[float, float]) -> None:
    model = in_blocks(scales)
    assert "Nearest" in kinds(model)
    agree(model, targets=("native", "portable"))


def test_rows_of_several_threads() -> None:
    agree(in_blocks((2, 2), side=8), threads=[1, 2, 3])


@pytest.mark.parametrize("way", MODES)
def test_every_mode_row_by_row(way: str) -> None:
    """All of them in one graph: sides up and down, of an odd map.

    No place lies in the middle between two, where rounding alone decides in ONNX Runtime.
    """
    nodes, names = "", []
    for number, (rounding, size) in enumerate(product(ROUNDINGS, ("large", "small", "one"))):
        nodes += f"""
            y{number} = Resize <mode = "nearest", nearest_mode = "{rounding}",
                coordinate_transformation_mode = "{way}"> (x, , , {size})"""
        names.append(f"y{number}")
    small = [2, 3, 4, 4] if way == "half_pixel_symmetric" else [2, 3, 3, 5]
    sizes = {"large": [2, 3, 13, 11], "small": small, "one": [2, 3, 1, 5]}
    agree(graph(nodes, (2, 3, 5, 7), " ".join(names), opset=19, **sizes))


def test_a_part_that_is_cropped_and_what_lies_outside() -> None:
    nodes = """
        y = Resize <mode = "nearest", coordinate_transformation_mode = "tf_crop_and_resize",
                    extrapolation_value = 7.0> (x, region, , sizes)"""
    region = np.array([0, 0, 0.4, 0.6, 1, 1, 1.2, 1.7], np.float32)
    agree(graph(nodes, (1, 1, 4, 4), opset=19, region=region, sizes=[1, 1, 3, 3]))


def test_upsample_of_old_operator_sets() -> None:
    scales = np.array([1, 1, 2, 3], np.float32)
    nodes = """
        a = Conv <pads = [1, 1, 1, 1]> (x, w)
        y = Upsample <mode = "nearest"> (a, scales)"""
    agree(graph(nodes, (1, 3, 5, 5), opset=9, w=(8, 3, 3, 3), scales=scales))


def test_channels_made_more_are_moved_row_by_row() -> None:
    nodes = """
        a = Conv (x, w)
        y = Resize <mode = "nearest"> (a, , , sizes)"""
    agree(graph(nodes, (1, 3, 4, 4), opset=19, w=(6, 3, 1, 1), sizes=[1, 12, 4, 8]))


def test_a_scale_that_is_known_at_run_time_only() -> None:
    nodes = "y = Resize (x, , scales)"
    model = graph(nodes, {"x": (1, 3, 4, 4), "scales": (4,)}, opset=19)
    with pytest.raises(MartletError, match="Resize"):
        planned(model)


def test_the_same_numbers_and_no_others() -> None:
    """A copy: bit for bit."""
    x = random(3, 1, 3, 6, 7)
    x[0, 0, 0, 0] = np.nan
    agree(graph("y = Resize (x, , , sizes)", x.shape, opset=19, sizes=[1, 3, 12, 14]), x)
