"""Averages and largest values over the whole picture, and over the channels.

In channels-last memory the axes are put in that order first. The numbers are the same, but the
gradients then come out channels-last as well.

A largest value that several share: with `pick_one` its gradient goes to one of them, as that of
max-pooling does, and PyTorch 2.15 trains two to four times as fast; without, it is spread over all
of them, and the forward pass is one plain reduction.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from martlet.ops.shuffle import is_channels_last


def global_average(x: Tensor, keepdim: bool = False) -> Tensor:
    """(batch, channels, height, width) -> (batch, channels), the mean over each map.

    With `keepdim` it is (batch, channels, 1, 1).
    """
    if is_channels_last(x):
        mean = x.permute(0, 2, 3, 1).mean((1, 2))
        return mean[:, :, None, None] if keepdim else mean
    return x.mean((2, 3), keepdim)


def global_max(x: Tensor, pick_one: bool) -> Tensor:
    """(batch, channels, height, width) -> (batch, channels, 1, 1), the largest of each map."""
    return F.adaptive_max_pool2d(x, 1) if pick_one else x.amax((2, 3), True)


def max_and_mean_of_channels(x: Tensor, pick_one: bool) -> Tensor:
    """(batch, channels, height, width) -> (batch, 2, height, width), the largest value first."""
    if is_channels_last(x):
        return _max_and_mean(x.permute(0, 2, 3, 1), 3, pick_one).permute(0, 3, 1, 2)
    return _max_and_mean(x, 1, pick_one)


def _max_and_mean(x: Tensor, axis: int, pick_one: bool) -> Tensor:
    largest = x.max(axis, True)[0] if pick_one else x.amax(axis, True)
    return torch.cat((largest, x.mean(axis, True)), axis)
