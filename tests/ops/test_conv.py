"""ConvBNAct and the rounding of channels."""

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from martlet.ops.conv import ConvBNAct, depthwise, initialise, make_divisible, pointwise


@given(st.integers(8, 32000).map(lambda eighths: eighths / 8), st.sampled_from([1, 4, 8, 12, 16]))
@example(100.0, 8)  # a tie goes up
@example(11.2, 8)  # 8 would be below 90 %
def test_make_divisible_is_the_nearest_that_keeps_90_percent(value: float, divisor: int) -> None:
    multiples = divisor * np.arange(1, 2 + value / divisor)
    kept = multiples[multiples >= 0.9 * value]
    assert make_divisible(value, divisor) == min(kept, key=lambda m: (abs(m - value), -m))


def test_children_have_their_names() -> None:
    assert [name for name, _ in ConvBNAct(3, 4, 3, act=nn.ReLU).named_children()] == [
        "conv",
        "bn",
        "act",
    ]
    assert [name for name, _ in pointwise(3, 4).named_children()] == ["conv", "bn"]


@pytest.mark.parametrize(
    ("side", "stride", "expected"), [(7, 1, 7), (7, 2, 4), (8, 2, 4), (1, 2, 1)]
)
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_size_is_kept_or_halved_rounding_up(
    side: int, stride: int, expected: int, kernel: int
) -> None:
    block = ConvBNAct(2, 6, kernel, stride=stride).eval()
    assert block(torch.randn(1, 2, side, side)).shape == (1, 6, expected, expected)


@pytest.mark.parametrize("act", [None, nn.ReLU, nn.ReLU6])
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_is_its_children_in_turn(
    act: type[nn.ReLU] | None, train: bool, layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    block = ConvBNAct(3, 8, 3, stride=2, act=act).train(train)
    x = torch.randn(4, 3, 200, 200).contiguous(memory_format=layout)
    with torch.no_grad():
        block.conv.weight.mul_(20)
    y = block(x)
    expected = nn.Sequential(*block.children())(x)
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    assert y.min() < 0 if act is None else y.min() == 0
    assert int(block.bn.num_batches_tracked or 0) == (2 if train else 0)


def test_depthwise_sees_one_channel_at_a_time() -> None:
    block = depthwise(4).eval()
    x = torch.zeros(1, 4, 5, 5)
    x[0, 2] = 1.0
    assert block(x).abs().sum((0, 2, 3)).nonzero().flatten().tolist() == [2]


def test_initialise_draws_he_weights_per_group() -> None:
    torch.manual_seed(0)
    block = ConvBNAct(64, 128, 3, groups=4)
    initialise(block)
    fan_out = 128 // 4 * 9
    assert block.conv.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.02)
    assert abs(block.conv.weight.mean().item()) < 1e-3
