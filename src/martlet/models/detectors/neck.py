"""Maps of several resolutions that know of each other: a path down from coarse to fine, and one up.

The two paths are those of PANet (Liu and others, arXiv 1803.01534), each convolution a depthwise
one and a pointwise one, as in NanoDet and PicoDet (arXiv 2111.00902), and maps are added, not
joined: a sum needs no wider convolution behind it. Steps of one kind share their convolutions. A
coarser level than the backbone has is made of its last one.
"""

from collections.abc import Sequence
from math import gcd

import torch.nn.functional as F
from torch import Tensor, nn

from martlet.models.detectors.shared_conv import SharedSeparable
from martlet.ops.conv import pointwise

GROUPS = 4  # of what narrows the backbone's maps; else half of the neck's params were in it


class Neck(nn.Module):
    """Maps of a backbone, from fine to coarse -> one more of them, all of `width` channels."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(
            pointwise(c, width, groups=gcd(GROUPS, c, width), act=nn.Hardswish) for c in channels
        )
        steps = len(channels) - 1
        self.finer = SharedSeparable(width, steps)
        # The last use goes beyond the backbone's levels.
        self.down = SharedSeparable(width, steps + 1, stride=2, kernel=3)
        self.coarser = SharedSeparable(width, steps)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        found = [reduce(x) for reduce, x in zip(self.reduce, maps, strict=True)]
        for level in range(len(found) - 2, -1, -1):
            # To the size of the finer map, which is not twice as large where a side was odd.
            above = F.interpolate(found[level + 1], size=found[level].shape[-2:], mode="nearest")
            found[level] = self.finer(found[level] + above, level)
        for level in range(1, len(found)):
            below = self.down(found[level - 1], level - 1)
            found[level] = self.coarser(found[level] + below, level - 1)
        return [*found, self.down(found[-1], len(found) - 1)]
