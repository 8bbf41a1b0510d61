"""Averaging over the whole picture."""

from torch import Tensor

from swiftlet.ops.shuffle import is_channels_last


def global_average(x: Tensor) -> Tensor:
    """(batch, channels, height, width) -> (batch, channels), the mean over each map.

    In channels-last memory the axes are put in that order first. It is the same mean, but the
    gradient then comes out channels-last as well.
    """
    if is_channels_last(x):
        return x.permute(0, 2, 3, 1).mean((1, 2))
    return x.mean((2, 3))
