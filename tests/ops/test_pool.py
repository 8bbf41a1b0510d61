"""The global average, in both layouts."""

import pytest
import torch

from martlet.ops.pool import global_average


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_is_the_mean_over_each_map_and_keeps_the_layout(layout: torch.memory_format) -> None:
    x = torch.randn(3, 5, 4, 7).contiguous(memory_format=layout).requires_grad_()
    mean = global_average(x)
    torch.testing.assert_close(mean, torch.nn.AdaptiveAvgPool2d(1)(x).flatten(1))
    (gradient,) = torch.autograd.grad((mean * mean).sum(), x)
    assert gradient.is_contiguous(memory_format=layout)
    torch.testing.assert_close(gradient, (2 * mean / 28)[:, :, None, None].expand_as(x))
