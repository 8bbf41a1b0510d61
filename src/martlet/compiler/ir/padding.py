"""What a Conv or pool node says of its window's steps and of the padding around its map."""

from typing import NamedTuple

from martlet.compiler.ir.graph import Node, Shape


class Steps(NamedTuple):
    """One number for each axis; `before` and `behind` is what the map is padded with."""

    stride: Shape
    dilation: Shape
    before: Shape
    behind: Shape


def steps_of(node: Node, size: Shape, out: Shape, kernel: Shape) -> Steps:
    """The steps from maps of `size` to maps of `out`.

    Raises MartletError when the attributes are of another number of axes.
    """
    rank = len(kernel)
    stride = [int(s) for s in node.attributes.get("strides") or [1] * rank]
    dilation = [int(d) for d in node.attributes.get("dilations") or [1] * rank]
    pads = [int(p) for p in node.attributes.get("pads") or [0] * 2 * rank]
    if not len(size) == len(stride) == len(dilation) == rank or len(pads) != 2 * rank:
        raise node.fail(f"its window has {rank} axes and its maps {len(size)}")
    auto = node.attributes.get("auto_pad", b"NOTSET")
    if auto in (b"SAME_UPPER", b"SAME_LOWER"):
        for axis in range(rank):
            reach = (out[axis] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1
            total = max(0, reach - size[axis])
            less, more = total // 2, total - total // 2
            pads[axis], pads[rank + axis] = (less, more) if auto == b"SAME_UPPER" else (more, less)
    elif auto == b"VALID":
        pads = [0] * 2 * rank
    return Steps(tuple(stride), tuple(dilation), tuple(pads[:rank]), tuple(pads[rank:]))
