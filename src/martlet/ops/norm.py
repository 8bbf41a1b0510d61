"""Batch normalisation and activations for training on a CPU in channels-last memory.

The numbers are those of PyTorch's modules; only the way to them differs, in four places where
PyTorch 2.15 loses time:

- In its channels-last batch normalisation every thread adds to its own row of one small buffer.
  With few channels two rows share cache lines, and the threads wait for each other: the backward
  pass for 32×24×112×112 takes 27 ms on two threads and 13 ms on one. Here k pixels side by side
  are read as one pixel of k·c channels, so that rows are long (6 ms); the k partial sums of a
  channel are added at the end. Shorter sums also round less.
- Its backward pass takes a gradient of any layout, but one that is not contiguous, such as a part
  of a concatenation's, costs ten times as much. It is made contiguous first.
- `nn.ReLU6(inplace=True)` saves a copy of its input. Its output is enough for the backward pass.
- `nn.Hardswish(inplace=True)` saves a copy of its input as well. It needs the input, but when the
  output is new memory the input need not be copied.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from martlet.errors import MartletError
from martlet.ops.shuffle import is_channels_last
from martlet.ops.tracing import is_recorded, runs_plainly

MOST_CHANNELS = 128  # from here on PyTorch's rows are long enough
FEWEST_VALUES = 1 << 18  # below it the calls cost more than they save
ROW = 1024  # most values in a widened row


def batch_norm(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """`norm(x)` for `x` of shape (batch, channels, height, width).

    Raises MartletError in training for one value per channel, which has no variance.
    """
    y: Tensor
    if is_recorded(x):
        y = norm(x)
        return y
    if norm.training and x.numel() == x.shape[1]:
        raise MartletError(
            "one input alone has shrunk to a map of 1×1, and batch normalisation cannot train on "
            "one value per channel; give a batch of two or more, or a larger picture."
        )
    running_mean, running_var, momentum = norm.running_mean, norm.running_var, norm.momentum
    if running_mean is None or running_var is None or momentum is None or not _is_slow(x, norm):
        y = norm(x)
        if norm.training and is_channels_last(y) and y.requires_grad:
            y.register_hook(_in_channels_last)
        return y
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
    y = _BatchNorm.apply(x, norm.weight, norm.bias, running_mean, running_var, momentum, norm.eps)
    return y


def activate(x: Tensor, act: nn.Module) -> Tensor:
    """`act(x)`; in-place ReLU6 and hard-swish keep no copy of `x` for the backward pass."""
    y: Tensor = act(x) if _is_plain(x, act) else ACTIVATIONS[type(act)](x)
    return y


def _is_plain(x: Tensor, act: nn.Module) -> bool:
    """Whether the module itself is what to call."""
    return (
        not runs_plainly(x)
        or not x.requires_grad
        or type(act) not in ACTIVATIONS
        or not act.inplace
        or has_hooks(act)
    )


def _is_slow(x: Tensor, norm: nn.BatchNorm2d) -> bool:
    """Whether PyTorch's own path is the slow one for this call."""
    return (
        norm.training
        and norm.affine
        and x.requires_grad
        and is_channels_last(x)
        and x.device.type == "cpu"
        and x.dtype == norm.weight.dtype == torch.float32
        and x.shape[1] <= MOST_CHANNELS
        and x.numel() >= FEWEST_VALUES
        and not has_hooks(norm)
    )


def has_hooks(module: nn.Module) -> bool:
    """Whether somebody watches the module's own calls, which then must take place."""
    return bool(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks)


def _in_channels_last(gradient: Tensor) -> Tensor:
    return gradient.contiguous(memory_format=torch.channels_last)


def _widen(x: Tensor, k: int) -> Tensor:
    """(batch, channels, height, width), channels-last -> (pixels / k, k · channels), a view."""
    return x.permute(0, 2, 3, 1).view(-1, k * x.shape[1])


def _repeat(per_channel: Tensor, k: int) -> Tensor:
    return per_channel.expand(k, -1).reshape(-1)  # a third of the time of `repeat`


def _pixels_per_row(x: Tensor) -> int:
    pixels = x.numel() // x.shape[1]
    widest = max(1, ROW // x.shape[1])
    return next(k for k in range(widest, 0, -1) if pixels % k == 0)


class _BatchNorm(torch.autograd.Function):
    """Normalise with the batch's own mean and variance, and let the running ones follow them."""

    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        momentum: float,
        eps: float,
    ) -> Tensor:
        k, pixels = _pixels_per_row(x), x.numel() // x.shape[1]
        wide = _widen(x, k)
        means, variances = torch.batch_norm_update_stats(wide, None, None, 0.0)
        between, mean = torch.var_mean(means.view(k, -1), 0, correction=0)
        variance = variances.view(k, -1).mean(0).add_(between)  # within rows + between rows
        running_mean.lerp_(mean, momentum)
        running_var.lerp_(variance * (pixels / (pixels - 1)), momentum)
        scale = (variance + eps).rsqrt_().mul_(weight)
        shift = torch.addcmul(bias, mean, scale, value=-1)
        y = torch.empty_like(x)  # a view of the wide result could not be clipped in place
        torch.addcmul(_repeat(shift, k), _repeat(scale, k), wide, out=_widen(y, k))
        ctx.save_for_backward(x, mean, variance, scale)
        ctx.eps = eps
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        """With u = (x - mean) / deviation and g the gradient, both per channel over n pixels:

        bias' = Σ g, weight' = Σ g·u, x' = scale · (g - bias' / n - u · weight' / n).
        """
        x, mean, variance, scale = ctx.saved_tensors
        k, pixels = _pixels_per_row(x), x.numel() // x.shape[1]
        wide = _widen(x, k)
        wide_gradient = _widen(_in_channels_last(gradient), k)
        # In evaluation mode the affine gradients of a row's channel are its two sums, in one pass.
        _, *sums = torch.ops.aten.native_batch_norm_backward(
            wide_gradient, wide, None, _repeat(mean, k), _repeat(variance, k), None, None, False,
            ctx.eps, [False, True, True],
        )  # fmt: skip
        grad_weight, grad_bias = (part.view(k, -1).sum(0) for part in sums)
        step = scale / -pixels
        of_x = (variance + ctx.eps).rsqrt_().mul_(grad_weight).mul_(step)
        constant = step.mul_(grad_bias).addcmul_(of_x, mean, value=-1)
        grad_x = torch.empty_like(x)
        torch.addcmul(_repeat(constant, k), _repeat(of_x, k), wide, out=_widen(grad_x, k))
        _widen(grad_x, k).addcmul_(_repeat(scale, k), wide_gradient)
        return grad_x, grad_weight, grad_bias, None, None, None, None


class _ReLU6(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clamp_(0.0, 6.0)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
        ctx.mark_dirty(output)
        ctx.save_for_backward(output)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        (clipped,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(gradient, clipped, 0.0, 6.0)


# In-place activations as they are computed for training.
ACTIVATIONS = {nn.ReLU6: _ReLU6.apply, nn.Hardswish: nn.functional.hardswish}
