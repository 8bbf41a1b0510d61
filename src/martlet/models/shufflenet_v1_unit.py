"""The unit of ShuffleNet V1 (arXiv 1707.01083v2, Figure 2); see shufflenet_v1.py."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.ops.attention import Attention
from martlet.ops.conv import depthwise, pointwise
from martlet.ops.shuffle import channel_shuffle


class ShuffleUnit(nn.Module):
    """Figure 2b (add) and, where the map shrinks or channels grow, 2c (concatenate the input).

    Maps (batch, in_channels, height, width) to (batch, out_channels, ...); stride 2 halves the
    sides, rounded up. Raises MartletError when groups do not divide or no channel is left.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        groups: int,
        first_groups: int,
        *,
        shuffle: bool = True,
        inverse_shuffle: bool = False,
        pool_first: bool = True,
        attention: Attention | None = None,
    ) -> None:
        super().__init__()
        self.concatenates = stride == 2 or in_channels != out_channels
        bottleneck = out_channels // 4
        branch_out = out_channels - in_channels if self.concatenates else out_channels
        if min(bottleneck, branch_out) < 1:
            raise MartletError(
                f"a unit with {in_channels} channels in and {out_channels} out has none left for "
                "its branch; give a greater width."
            )
        grouped = ((in_channels, first_groups), (bottleneck, groups), (branch_out, groups))
        for channels, parts in grouped:
            if channels % parts:
                raise MartletError(
                    f"groups={parts} does not divide the {channels} channels of a convolution; "
                    f"give channels in multiples of {4 * groups}, or other groups."
                )
        self.groups = groups if shuffle else 1  # one group: nothing to shuffle
        if inverse_shuffle and shuffle:
            self.groups = bottleneck // groups
        self.pool_first = pool_first
        self.compress = pointwise(in_channels, bottleneck, groups=first_groups, act=nn.ReLU)
        self.depthwise = depthwise(bottleneck, stride=stride)
        self.expand = pointwise(bottleneck, branch_out, groups=groups)
        self.attention = None if attention is None else attention.build(branch_out)
        self.pool = nn.AvgPool2d(3, stride=2, padding=1) if stride == 2 else None

    def forward(self, x: Tensor) -> Tensor:
        branch = self.compress(x)
        if self.groups > 1:
            branch = channel_shuffle(branch, self.groups)
        branch = self.expand(self.depthwise(branch))
        if self.attention is not None:
            branch = self.attention(branch)
        if not self.concatenates:
            return F.relu(x + branch, inplace=True)
        passing = x if self.pool is None else self.pool(x)
        parts = (passing, branch) if self.pool_first else (branch, passing)
        return F.relu(torch.cat(parts, dim=1), inplace=True)
