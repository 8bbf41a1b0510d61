"""Maps of several resolutions that know of each other: a path down from coarse to fine, and one up.

The two paths are those of PANet (Liu and others, arXiv 1803.01534), each convolution a depthwise
one and a pointwise one, as in NanoDet and PicoDet (arXiv 2111.00902), and maps are added, not
joined: a sum needs no wider convolution behind it. A coarser level than the backbone has is made
of its last one.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from martlet.ops.conv import depthwise, pointwise

KERNEL = 5  # of depthwise convolutions; a wide view costs little in them


class SeparableConv(nn.Sequential):
    """A depthwise and a pointwise convolution, each with batch norm and h-swish.

    (batch, channels, height, width) -> the same, or half of the sides at stride 2.
    """

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__(
            depthwise(channels, KERNEL, stride=stride, act=nn.Hardswish),
            pointwise(channels, channels, act=nn.Hardswish),
        )


class Neck(nn.Module):
    """Maps of a backbone, from fine to coarse -> one more of them, all of `width` channels."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(pointwise(c, width, act=nn.Hardswish) for c in channels)
        steps = range(len(channels) - 1)
        self.finer = nn.ModuleList(SeparableConv(width) for _ in steps)
        self.down = nn.ModuleList(SeparableConv(width, stride=2) for _ in steps)
        self.coarser = nn.ModuleList(SeparableConv(width) for _ in steps)
        self.beyond = SeparableConv(width, stride=2)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        found = [reduce(x) for reduce, x in zip(self.reduce, maps, strict=True)]
        for level in range(len(found) - 2, -1, -1):
            # To the size of the finer map, which is not twice as large where a side was odd.
            above = F.interpolate(found[level + 1], size=found[level].shape[-2:], mode="nearest")
            found[level] = self.finer[level](found[level] + above)
        for level in range(1, len(found)):
            below = self.down[level - 1](found[level - 1])
            found[level] = self.coarser[level - 1](found[level] + below)
        return [*found, self.beyond(found[-1])]
