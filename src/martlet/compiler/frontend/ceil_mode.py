"""Pools whose sides are rounded up, as ONNX means it.

A window that would begin behind the map and the padding in front does not count. Shape inference of
several opsets counts it; such a pool is told to round down, which gives the same windows.
"""

from collections.abc import Mapping

import onnx
from onnx import helper

from martlet.compiler.ir.graph import Shape
from martlet.errors import MartletError

POOLS = ("MaxPool", "AveragePool", "LpPool")


def rounds_up(node: onnx.NodeProto) -> bool:
    """Whether it is a pool with ceil_mode and pads of its own."""
    given = {item.name: item for item in node.attribute}
    auto = given["auto_pad"].s if "auto_pad" in given else b"NOTSET"
    up = node.op_type in POOLS and "ceil_mode" in given and given["ceil_mode"].i != 0
    return up and auto in (b"NOTSET", b"")


def settle(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> bool:
    """Let a pool that rounds up do without, where that is the same; whether it was changed.

    Raises MartletError when along one axis it is the same and along another it is not.
    """
    x = shapes.get(node.input[0])
    if x is None or not rounds_up(node):
        return False
    given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    rank = len(x) - 2
    ones = [1] * rank
    kernel, pads = given["kernel_shape"], given.get("pads") or [0] * 2 * rank
    strides, dilations = given.get("strides") or ones, given.get("dilations") or ones
    if not len(kernel) == len(strides) == len(dilations) == rank or len(pads) != 2 * rank:
        return False  # refused elsewhere
    if min((*strides, *dilations, *kernel), default=0) < 1:
        return False
    more, dropped = list[int](), list[int]()
    for axis in range(rank):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        room = x[2 + axis] + pads[axis] + pads[rank + axis] - reach
        last = -(-room // strides[axis])  # the number of the last window
        if last > room // strides[axis]:
            begins_behind = last * strides[axis] >= x[2 + axis] + pads[axis]
            (dropped if begins_behind else more).append(axis)
    if dropped and more:
        raise MartletError(
            f"{node.name or node.op_type} ({node.op_type}): ceil_mode=1 with a window that begins "
            f"in the padding along axis {dropped[0] + 2} but not along axis {more[0] + 2} is not "
            "supported."
        )
    if not dropped:
        return False
    next(item for item in node.attribute if item.name == "ceil_mode").i = 0
    return True
