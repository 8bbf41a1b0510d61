"""Convolutions that levels share: one filter, statistics of each."""

import torch

from martlet.models.detectors.shared_conv import SharedConv, SharedSeparable


def test_one_filter_and_statistics_of_each_use() -> None:
    torch.manual_seed(0)
    conv = SharedConv(8, 3, 8, uses=2).train()
    assert sum(weight.numel() for weight in conv.parameters()) == 8 * 9 + 2 * 2 * 8
    x = 3 + 2 * torch.randn(4, 8, 6, 6)
    conv(x, 0)
    first, second = conv.bn
    assert first.running_mean.abs().sum() > 0  # type: ignore[union-attr, operator]
    assert second.running_mean.abs().sum() == 0  # type: ignore[union-attr, operator]
    conv.eval()
    assert not torch.equal(conv(x, 0), conv(x, 1))


def test_a_stride_halves_sides_rounded_up() -> None:
    down = SharedSeparable(8, uses=1, stride=2).eval()
    assert down(torch.randn(2, 8, 5, 8), 0).shape == (2, 8, 3, 4)
    assert SharedSeparable(8, uses=1).eval()(torch.randn(2, 8, 5, 8), 0).shape == (2, 8, 5, 8)
