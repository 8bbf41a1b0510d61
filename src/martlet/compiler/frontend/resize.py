"""Resize and Upsample in one form: for each axis, of which places of the input each one is made.

The formulas are those of ONNX's Resize: where a place of the output lies in the input is said by
`coordinate_transformation_mode`, which whole place is nearest by `nearest_mode`; linear and cubic
interpolation weigh those around it (taps.py). Numbers are float64, as in ONNX's reference, so that
places in the middle between two are found to be there.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.frontend.taps import KERNELS, taps_of
from martlet.compiler.ir.graph import Graph, Node, Shape
from martlet.compiler.ir.taps import Taps

Places = NDArray[np.float64]
OUTSIDE = -1  # a place that takes the extrapolation value
ROUND: dict[str, Callable[[Places], Places]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
MOST_SIDE = 1 << 16  # places of an axis that is resized


def normalise_resize(node: Node, graph: Graph, opset: int) -> None:
    """`places`: for each axis a list, or None where it stays; `value` for places outside.

    Where places are interpolated, `taps` instead: for each axis None, or the Taps of its places.
    Raises MartletError for other modes, and for scales known at run time only.
    """
    shape, out = graph.shapes[node.inputs[0]], graph.shapes[node.outputs[0]]
    given = {key: _text(value) for key, value in node.attributes.items()}
    mode = given.get("mode", "nearest")
    if mode not in ("nearest", *KERNELS):
        raise node.fail(f"mode={mode!r} is not supported; nearest, linear and cubic are")
    if len(out) != len(shape):
        raise node.fail(f"shapes {shape} and {out} do not fit")
    if opset < 11:  # Upsample, and the first Resize
        given |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    axes = [int(axis) % len(shape) for axis in given.get("axes", range(len(shape)))]
    scales = _scales(node, graph, opset, axes, given.get("keep_aspect_ratio_policy", "stretch"))
    regions = _regions(node, graph, opset, axes, given)
    make = _places if mode == "nearest" else _taps
    node.attributes = {
        "places" if mode == "nearest" else "taps": [
            None
            if out[axis] == shape[axis] and scales.get(axis, 1) == 1 and axis not in regions
            else make(node, given, (shape[axis], out[axis]), scales[axis], regions.get(axis))
            for axis in range(len(shape))
        ],
        "value": float(given.get("extrapolation_value", 0.0)),
    }
    del node.inputs[1:]


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _scales(
    node: Node, graph: Graph, opset: int, axes: Sequence[int], policy: str
) -> dict[int, float]:
    """How many times as long each axis becomes."""
    listed = node.attributes.get("scales")  # Upsample before operator set 9
    if listed is None:
        listed = graph.constant(node, 1 if opset < 11 else 2)
    if listed is not None and len(listed):
        return {axis: float(scale) for axis, scale in zip(axes, listed, strict=True)}
    shape, out = graph.shapes[node.inputs[0]], graph.shapes[node.outputs[0]]
    if policy == "stretch":
        return {axis: _ratio(out[axis], shape[axis]) for axis in axes}
    sizes = graph.constant(node, 3)
    assert sizes is not None  # one of both is given, which shape inference has seen
    ratios = [_ratio(int(size), shape[axis]) for size, axis in zip(sizes, axes, strict=True)]
    return dict.fromkeys(axes, min(ratios) if policy == "not_larger" else max(ratios))


def _ratio(out: int, side: int) -> float:
    return out / max(1, side)


def _regions(
    node: Node, graph: Graph, opset: int, axes: Sequence[int], given: dict[str, Any]
) -> dict[int, tuple[float, float]]:
    """The part of each axis that is cropped and resized, 0 to 1."""
    if given.get("coordinate_transformation_mode") != "tf_crop_and_resize":
        return {}
    region = graph.constant(node, 1)
    if region is None or len(region) != 2 * len(axes):
        raise node.fail("its region of interest must be a constant for all axes")
    starts, ends = np.asarray(region, np.float64).reshape(2, -1)
    return {axis: (starts[at], ends[at]) for at, axis in enumerate(axes)}


def _places(
    node: Node,
    given: dict[str, Any],
    sides: tuple[int, int],
    scale: float,
    region: tuple[float, float] | None,
) -> list[int]:
    side, rounding = sides[0], given.get("nearest_mode", "round_prefer_floor")
    if rounding not in ROUND:
        raise node.fail(f"nearest_mode={rounding!r} is not supported")
    at = _coordinates(node, given, sides, scale, region)
    found = np.clip(ROUND[rounding](at), 0, side - 1).astype(np.int64)
    if region is not None:
        found = np.where((at < 0) | (at > side - 1), OUTSIDE, found)
    return [int(place) for place in found]


def _taps(
    node: Node,
    given: dict[str, Any],
    sides: tuple[int, int],
    scale: float,
    region: tuple[float, float] | None,
) -> Taps:
    side, mode = sides[0], given["mode"]
    at = _coordinates(node, given, sides, scale, region)
    outside = (at < 0) | (at > side - 1) if region is not None else np.zeros(len(at), np.bool_)
    return taps_of(
        at, side, KERNELS[mode], outside,
        steepness=float(given.get("cubic_coeff_a", -0.75)),
        scale=min(1.0, scale) if given.get("antialias", 0) else 1.0,
        inside_alone=bool(given.get("exclude_outside", 0)),
    )  # fmt: skip


def _coordinates(
    node: Node,
    given: dict[str, Any],
    sides: Shape,
    scale: float,
    region: tuple[float, float] | None,
) -> Places:
    """Where each place of the output lies in the input."""
    side, out = sides
    if max(sides) > MOST_SIDE:
        raise node.fail(f"an axis of {max(sides)} places is not supported; up to {MOST_SIDE} is")
    if scale <= 0 or side < 1:
        raise node.fail(f"the scale {scale:g} of {side} places is not supported")
    way = given.get("coordinate_transformation_mode", "half_pixel")
    at = np.arange(out, dtype=np.float64)
    match way:
        case "asymmetric":
            return at / scale
        case "half_pixel":
            return (at + 0.5) / scale - 0.5
        case "pytorch_half_pixel":
            return (at + 0.5) / scale - 0.5 if out > 1 else at * 0
        case "tf_half_pixel_for_nn":
            return (at + 0.5) / scale
        case "half_pixel_symmetric":
            shrunk = out / (scale * side)
            middle = side / 2
            return middle * (1 - shrunk) + (at + 0.5) / scale - 0.5
        case "align_corners":
            return at * (side - 1) / max(1, out - 1)
        case "tf_crop_and_resize" if region is not None:
            start, end = region
            if out > 1:
                step = (end - start) * (side - 1) / (out - 1)
                return start * (side - 1) + at * step
            return 0.5 * (start + end) * (side - 1) + at * 0
    raise node.fail(f"coordinate_transformation_mode={way!r} is not supported")
