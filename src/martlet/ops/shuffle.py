"""Channel shuffle: the definition and its equivalent spellings (ShuffleNet V1, arXiv 1707.01083).

Which spelling is fast depends on the memory layout. The definition splits the channel axis, so on
a channels-last tensor its result is laid out channels-first without a word, and every convolution
after it pays for a reorder. The channels-last spellings below copy once and keep the layout. Under
`torch.compile` and `torch.export` the definition is used: the compiler picks layouts itself, and
an exported graph stays free of transposes.
"""

import torch
from torch import Tensor

from martlet.errors import MartletError
from martlet.ops.tracing import is_recorded, runs_plainly


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Spread the channels of each group over all groups.

    With c channels in g groups, input channel i·(c/g) + j becomes output channel j·g + i: reshape
    to (g, c/g), transpose, flatten (section 3.1 of the paper). `x` is (batch, channels, ...); the
    memory layout is kept. Undone by a shuffle with channels/groups groups. Raises MartletError
    when `groups` does not divide the channels.
    """
    channels = x.shape[1]
    if not is_recorded(x) and (groups < 1 or channels % groups):
        divisors = ", ".join(str(d) for d in range(1, channels + 1) if channels % d == 0)
        raise MartletError(
            f"groups={groups} does not divide {channels} channels; use one of {divisors}."
        )
    if is_channels_last(x):
        shuffled: Tensor = _ChannelsLastShuffle.apply(x, groups)
        return shuffled
    return x.unflatten(1, (groups, channels // groups)).transpose(1, 2).flatten(1, 2)


def channel_split(x: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the second half of the channels (the channel split of ShuffleNet V2).

    The second half, which goes to a convolution, is made contiguous once here in training, so
    that the convolution does not copy it once in the forward and once in the backward pass.
    """
    first, second = x.chunk(2, dim=1)
    if is_channels_last(x) and x.requires_grad:
        second = second.contiguous(memory_format=torch.channels_last)
    return first, second


def concat_and_shuffle(first: Tensor, second: Tensor) -> Tensor:
    """`channel_shuffle(torch.cat((first, second), 1), groups=2)` in one copy.

    Two groups of equal size are interleaved by stacking them behind the channel axis.
    """
    if is_channels_last(second):
        if not torch.is_grad_enabled():  # at batch 1 autograd's wrapping costs as much as the copy
            return _ChannelsLastInterleave.forward(first, second)
        interleaved: Tensor = _ChannelsLastInterleave.apply(first, second)
        return interleaved
    return torch.stack((first, second), dim=2).flatten(1, 2)


def even_odd_split(x: Tensor) -> tuple[Tensor, Tensor]:
    """The channels of even and those of odd number (the split of ShuffleNet V2's authors' code).

    Of a concatenation of two it takes every other channel of both, so that no shuffle is needed
    after it. `x` is (batch, channels, ...) with an even number of channels; the memory layout is
    kept. Undone by `concat_and_shuffle`. Raises MartletError for an odd number of channels.
    """
    channels = x.shape[1]
    if not is_recorded(x) and channels % 2:
        raise MartletError(f"{channels} channels are not accepted; give an even number.")
    if is_channels_last(x) and x.requires_grad:
        even, odd = _ChannelsLastEvenOdd.apply(x)
        return even, odd
    return x[:, 0::2], x[:, 1::2]


def is_channels_last(x: Tensor) -> bool:
    """Whether `x` is laid out channels-last and this layout is worth keeping by hand."""
    return (
        runs_plainly(x)
        and x.dim() == 4
        and x.is_contiguous(memory_format=torch.channels_last)
        and not x.is_contiguous()  # one channel, or 1×1 maps: both at once
    )


class _ChannelsLastShuffle(torch.autograd.Function):
    """The shuffle as one copy; its backward is the inverse shuffle, again one copy."""

    @staticmethod
    def forward(x: Tensor, groups: int) -> Tensor:
        shuffled = torch.empty_like(x)
        shuffled.unflatten(1, (-1, groups)).copy_(x.unflatten(1, (groups, -1)).transpose(1, 2))
        return shuffled

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
        x, groups = inputs
        ctx.inverse = x.shape[1] // groups

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        return _ChannelsLastShuffle.apply(gradient, ctx.inverse), None


class _ChannelsLastInterleave(torch.autograd.Function):
    """Stack as the fastest axis; the backward hands out two contiguous halves."""

    @staticmethod
    def forward(first: Tensor, second: Tensor) -> Tensor:
        batch, channels, height, width = second.shape
        shuffled = torch.empty(
            (batch, 2 * channels, height, width),
            dtype=second.dtype,
            device=second.device,
            memory_format=torch.channels_last,
        )
        pairs = shuffled.unflatten(1, (channels, 2))
        pairs[:, :, 0].copy_(first)
        pairs[:, :, 1].copy_(second)
        return shuffled

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
        pass

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        pairs = gradient.unflatten(1, (-1, 2))
        return tuple(half.contiguous(memory_format=torch.channels_last) for half in pairs.unbind(2))


class _ChannelsLastEvenOdd(torch.autograd.Function):
    """Two contiguous halves; the gradient of a slice alone would be laid out channels-first."""

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        even, odd = x[:, 0::2], x[:, 1::2]
        layout = torch.channels_last
        return even.contiguous(memory_format=layout), odd.contiguous(memory_format=layout)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
        pass

    @staticmethod
    def backward(ctx, even: Tensor, odd: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        gradient: Tensor = _ChannelsLastInterleave.apply(even, odd)
        return gradient
