"""Pools that round up, as shape inference and the stages behind it understand them."""

import onnx
from onnx import helper

from martlet.compiler.ir.graph import Shape

POOLS = ("MaxPool", "AveragePool", "LpPool")


def rounds_up(node: onnx.NodeProto) -> bool:
    """Whether it is a pool with ceil_mode and pads of its own."""
    given = {item.name: item for item in node.attribute}
    auto = given["auto_pad"].s if "auto_pad" in given else b"NOTSET"
    up = node.op_type in POOLS and "ceil_mode" in given and given["ceil_mode"].i != 0
    return up and auto in (b"NOTSET", b"")


def round_down(node: onnx.NodeProto, x: Shape | None) -> tuple[onnx.NodeProto, bool] | None:
    """A pool that rounds down to the same windows, where shape inference would count others.

    In ONNX a window that would begin behind the map and the padding in front does not count. Shape
    inference of several opsets counts it. Where a window is dropped along one axis and one more is
    kept along another, the map is padded further there: then the pool has the right sides, but is
    not in every way the same, which comes with it.

    None where no window is dropped, and for an input `x` of unknown shape.
    """
    if x is None or not rounds_up(node):
        return None
    given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    rank = len(x) - 2
    ones = [1] * rank
    kernel, pads = given["kernel_shape"], list(given.get("pads") or [0] * 2 * rank)
    strides, dilations = given.get("strides") or ones, given.get("dilations") or ones
    if not len(kernel) == len(strides) == len(dilations) == rank or len(pads) != 2 * rank:
        return None  # refused elsewhere
    if min((*strides, *dilations, *kernel), default=0) < 1:
        return None
    is_same, dropped = True, False
    for axis in range(rank):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        room = x[2 + axis] + pads[axis] + pads[rank + axis] - reach
        last = -(-room // strides[axis])  # the number of the last window
        if last * strides[axis] >= x[2 + axis] + pads[axis] and last > room // strides[axis]:
            dropped = True
        elif last > room // strides[axis]:
            is_same = False
            pads[rank + axis] += last * strides[axis] - room
    if not dropped:
        return None
    made = onnx.NodeProto()
    made.CopyFrom(node)
    kept = [item for item in node.attribute if item.name not in ("ceil_mode", "pads")]
    del made.attribute[:]
    made.attribute.extend([*kept, helper.make_attribute("pads", pads)])
    return made, is_same
