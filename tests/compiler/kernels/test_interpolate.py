"""Linear and cubic Resize: in blocks, row by row, and each way of ONNX against its reference."""

import io
from itertools import product
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from tests.compiler.graphs import agree, close, graph, operators, planned, random, run
from torch import nn

from martlet.errors import MartletError

WAYS = ("asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric")
TARGETS = ("native", "portable")


def as_onnx_says(model: onnx.ModelProto, x: np.ndarray, limit: float = 1e-5) -> None:
    """Compared with ONNX's own reference, for not all runtimes have all of it."""
    expected = ReferenceEvaluator(model).run(None, {"x": x})
    for target in TARGETS:
        close(run(model, {"x": x}, target), expected, limit)


def in_blocks(mode: str, scales: tuple[float, ...]) -> onnx.ModelProto:
    nodes = f"""
        a = Conv <pads = [1, 1, 1, 1]> (x, w)
        b = Resize <mode = "{mode}"> (a, , scales)
        y = Conv (b, v)"""
    given = np.array([1, 1, *scales], np.float32)
    return graph(nodes, (1, 3, 6, 7), w=(20, 3, 3, 3), v=(20, 20, 1, 1), scales=given, opset=19)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("scales", [(2, 2), (1, 2), (1.5, 2.5), (0.5, 0.7)])
def test_in_blocks_between_convolutions(mode: str, scales: tuple[float, float]) -> None:
    model = in_blocks(mode, scales)
    assert "Interpolate" in [type(layer).__name__ for layer in planned(model)[0].layers]
    agree(model, targets=TARGETS, threads=[1, 2, 3])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_every_way_row_by_row(way: str, mode: str) -> None:
    nodes, names = "", []
    for number, (size, more) in enumerate(product(("large", "small"), (0, 1))):
        nodes += f"""
            y{number} = Resize <mode = "{mode}", exclude_outside = {more if mode == "cubic" else 0},
                cubic_coeff_a = {-0.5 if more else -0.75},
                coordinate_transformation_mode = "{way}"> (x, , , {size})"""
        names.append(f"y{number}")
    sizes = {"large": [2, 3, 13, 11], "small": [2, 3, 3, 4]}
    as_onnx_says(
        graph(nodes, (2, 3, 5, 7), " ".join(names), opset=19, **sizes), random(1, 2, 3, 5, 7)
    )


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("side", [3, 4, 9])
def test_made_smaller_without_passing_over_places(mode: str, side: int) -> None:
    nodes = f'y = Resize <mode = "{mode}", antialias = 1> (x, , , sizes)'
    model = graph(nodes, (1, 2, 9, 13), opset=19, sizes=[1, 2, side, 5])
    as_onnx_says(model, random(2, 1, 2, 9, 13))


def test_a_part_that_is_cropped_and_what_lies_outside() -> None:
    nodes = """
        y = Resize <mode = "linear", coordinate_transformation_mode = "tf_crop_and_resize",
                    extrapolation_value = 7.0> (x, region, , sizes)"""
    region = np.array([0, 0, 0.4, 0.6, 1, 1, 1.2, 1.7], np.float32)
    model = graph(nodes, (1, 1, 4, 4), opset=19, region=region, sizes=[1, 1, 3, 3])
    as_onnx_says(model, random(3, 1, 1, 4, 4))


def test_upsample_of_old_operator_sets() -> None:
    scales = np.array([1, 1, 2, 3], np.float32)
    nodes = 'y = Upsample <mode = "linear"> (x, scales)'
    agree(graph(nodes, (1, 3, 5, 5), opset=9, scales=scales))


@pytest.mark.parametrize("sides", [(1, 1), (5, 1), (1, 7)])
def test_sides_of_one_place(sides: tuple[int, int]) -> None:
    for mode in ("linear", "cubic"):
        model = graph(f'y = Resize <mode = "{mode}"> (x, , , s)', (1, 2, *sides), opset=19,
                      s=[1, 2, 4, 9])  # fmt: skip
        as_onnx_says(model, random(4, 1, 2, *sides))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchs_interpolation() -> None:
    """As PyTorch exports it, with corners aligned and not."""
    for corners, mode in product((False, True), ("bilinear", "bicubic")):
        file, upsample = io.BytesIO(), nn.Upsample(scale_factor=2, mode=mode, align_corners=corners)
        module = nn.Sequential(nn.Conv2d(3, 17, 1), upsample).eval()
        x = torch.from_numpy(random(5, 1, 3, 5, 6))
        torch.onnx.export(module, (x,), file, dynamo=False, opset_version=17)
        model = onnx.load_from_string(file.getvalue())
        assert operators(model) == ["Conv", "Resize"]
        with torch.no_grad():
            expected = module(x).numpy()
        name = model.graph.input[0].name
        close(run(model, {name: x.numpy()}), [expected], 1e-5)


def test_other_modes_are_refused() -> None:
    given: dict[str, Any] = {"s": [1, 3, 8, 8]}
    model = graph('y = Resize <mode = "area"> (x, , , s)', (1, 3, 4, 4), opset=19, **given)
    with pytest.raises(MartletError, match="mode='area' is not supported; nearest, linear"):
        planned(model)
