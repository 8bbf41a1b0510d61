"""Channel shuffle: one definition, and spellings that must all be it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from martlet.errors import MartletError
from martlet.ops.shuffle import (
    channel_shuffle,
    channel_split,
    concat_and_shuffle,
    even_odd_split,
)

LAYOUTS = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])


def picture(channels: int, layout: torch.memory_format = torch.contiguous_format) -> Tensor:
    generator = torch.Generator().manual_seed(channels)
    return torch.randn(2, channels, 3, 5, generator=generator).contiguous(memory_format=layout)


def test_first_channel_of_each_group_comes_first() -> None:
    x = torch.arange(6.0).reshape(1, 6, 1, 1)
    assert channel_shuffle(x, 2).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    assert channel_shuffle(x, 3).flatten().tolist() == [0, 2, 4, 1, 3, 5]


@given(st.integers(1, 8), st.integers(1, 8), st.booleans())
def test_the_definition_in_numpy(groups: int, size: int, channels_last: bool) -> None:
    """Section 3.1: reshape to (groups, n), transpose, flatten; undone by the other factor."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x = picture(groups * size, layout)
    batch, channels, *sides = x.shape
    grouped = x.numpy().reshape(batch, groups, size, *sides)
    shuffled = grouped.transpose(0, 2, 1, 3, 4).reshape(batch, channels, *sides)
    np.testing.assert_array_equal(channel_shuffle(x, groups).numpy(), shuffled)
    assert torch.equal(channel_shuffle(channel_shuffle(x, groups), size), x)


@pytest.mark.parametrize("shape", [(2, 6, 7), (2, 6, 3, 4, 5)])
def test_series_and_cubes(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    assert torch.equal(channel_shuffle(x, 3), x[:, [0, 2, 4, 1, 3, 5]])


@LAYOUTS
def test_concat_and_shuffle_is_both_in_turn(layout: torch.memory_format) -> None:
    x = picture(10, layout)
    first, second = channel_split(x)
    assert torch.equal(torch.cat((first, second), 1), x)
    assert torch.equal(concat_and_shuffle(first, second), channel_shuffle(x, 2))


@LAYOUTS
def test_layout_is_kept_forward_and_backward(layout: torch.memory_format) -> None:
    x = picture(8, layout).requires_grad_()
    first, second = channel_split(x)
    both = channel_shuffle(concat_and_shuffle(first, second), 4)
    both.mul(both).sum().backward()
    assert x.grad is not None
    assert both.is_contiguous(memory_format=layout)
    assert second.is_contiguous(memory_format=layout) or layout == torch.contiguous_format
    assert x.grad.is_contiguous(memory_format=layout)


@LAYOUTS
def test_gradients_go_back_where_they_came_from(layout: torch.memory_format) -> None:
    x, weight = picture(12, layout).requires_grad_(), picture(12)
    (channel_shuffle(x, 3) * weight).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, channel_shuffle(weight, 4), rtol=0, atol=0)

    first, second = (picture(6, layout).requires_grad_() for _ in range(2))
    (concat_and_shuffle(first, second) * weight).sum().backward()
    assert first.grad is not None
    assert second.grad is not None
    assert torch.equal(first.grad, weight[:, 0::2])
    assert torch.equal(second.grad, weight[:, 1::2])


@LAYOUTS
@pytest.mark.parametrize("needs_gradient", [False, True])
def test_even_and_odd_channels(layout: torch.memory_format, needs_gradient: bool) -> None:
    x = picture(6, layout).requires_grad_(needs_gradient)
    even, odd = even_odd_split(x)
    flat = x.detach().numpy().reshape(2, 3, 2, 3, 5)  # pairs of neighbours
    np.testing.assert_array_equal(even.detach().numpy(), flat[:, :, 0])
    np.testing.assert_array_equal(odd.detach().numpy(), flat[:, :, 1])
    assert torch.equal(concat_and_shuffle(even, odd), x)
    joined = torch.cat((even, odd), 1)
    assert joined.is_contiguous(memory_format=layout)
    if needs_gradient:
        (joined * picture(6)).sum().backward()
        assert x.grad is not None
        assert torch.equal(x.grad, channel_shuffle(picture(6), 2))
        assert x.grad.is_contiguous(memory_format=layout)


def test_odd_number_of_channels_does_not_split() -> None:
    with pytest.raises(MartletError, match="5 channels are not accepted"):
        even_odd_split(picture(5))


def test_second_derivative_and_in_place_change() -> None:
    x = picture(4, torch.channels_last).double().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: channel_shuffle(x, 2) ** 2, x)
    assert torch.autograd.gradgradcheck(lambda x: even_odd_split(x)[1] ** 2, x)
    first, second = channel_split(picture(4, torch.channels_last).requires_grad_())
    concat_and_shuffle(first, second).mul_(2).relu_().sum().backward()


@pytest.mark.parametrize("groups", [0, -1, 5, 24])
def test_groups_that_do_not_divide(groups: int) -> None:
    with pytest.raises(MartletError, match=rf"groups={groups} does not divide 12 .* 1, 2, 3, 4, 6"):
        channel_shuffle(picture(12), groups)
