"""Convolutions that several levels share, each with batch norm of its own.

Maps of different levels have different statistics, but the same things to be found in them (as
RTMDet, arXiv 2212.07784, has it in its head).
"""

import torch.nn.functional as F
from torch import Tensor, nn

from martlet.ops.norm import batch_norm

KERNEL = 5  # of depthwise convolutions; a wide view costs little in them


class SharedConv(nn.Module):
    """A convolution, batch norm of each of `uses`, and h-swish.

    (batch, channels, height, width) -> the same, or half of the sides, rounded up, at stride 2.
    """

    def __init__(self, channels: int, kernel: int, groups: int, uses: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            channels, channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False
        )
        self.bn = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(uses))

    def forward(self, x: Tensor, use: int) -> Tensor:
        bn = self.bn[use]
        assert isinstance(bn, nn.BatchNorm2d)
        return F.hardswish(batch_norm(self.conv(x), bn))


class SharedSeparable(nn.ModuleList):
    """A depthwise and a pointwise one; shapes as of SharedConv."""

    def __init__(self, channels: int, uses: int, stride: int = 1, kernel: int = KERNEL) -> None:
        super().__init__(
            (
                SharedConv(channels, kernel, channels, uses, stride),
                SharedConv(channels, 1, 1, uses),
            )
        )

    def forward(self, x: Tensor, use: int) -> Tensor:
        for conv in self:
            x = conv(x, use)
        return x
