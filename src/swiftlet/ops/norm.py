"""Batch normalisation and ReLU6 for training on a CPU in channels-last memory.

The numbers are those of `nn.BatchNorm2d` and `nn.ReLU6`; only the way to them differs, in two
places where PyTorch 2.15 loses time:

- In its channels-last batch normalisation every thread adds to its own row of one small buffer.
  With few channels two rows share cache lines, and the threads wait for each other: the backward
  pass for 32×24×112×112 takes 27 ms on two threads and 13 ms on one. Here k pixels side by side
  are read as one pixel of k·c channels, so that rows are long (6 ms); the k partial sums of a
  channel are added at the end. Shorter sums also round less.
- `nn.ReLU6(inplace=True)` saves a copy of its input. Its output is enough for the backward pass.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.compiler import is_compiling

from swiftlet.ops.shuffle import is_channels_last

MOST_CHANNELS = 128  # from here on PyTorch's rows are long enough
FEWEST_VALUES = 1 << 18  # below it the calls cost more than they save
ROW = 1024  # most values in a widened row


def batch_norm(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """`norm(x)` for `x` of shape (batch, channels, height, width)."""
    running_mean, running_var, momentum = norm.running_mean, norm.running_var, norm.momentum
    if running_mean is None or running_var is None or momentum is None or not _is_slow(x, norm):
        normalised: Tensor = norm(x)
        return normalised
    y, mean, variance = _BatchNorm.apply(x, norm.weight, norm.bias, norm.eps)
    with torch.no_grad():
        pixels = x.numel() // x.shape[1]
        running_mean.lerp_(mean, momentum)
        running_var.lerp_(variance * (pixels / (pixels - 1)), momentum)
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked.add_(1)
    return y


def activate(x: Tensor, act: nn.Module) -> Tensor:
    """`act(x)`; an in-place ReLU6 works without a copy kept for the backward pass."""
    if type(act) is nn.ReLU6 and act.inplace and x.requires_grad and not is_compiling():
        clipped: Tensor = _ReLU6.apply(x)
        return clipped
    result: Tensor = act(x)
    return result


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
        and not norm._forward_hooks
        and not norm._forward_pre_hooks
    )


def _widen(x: Tensor, k: int) -> Tensor:
    """(batch, channels, height, width), channels-last -> (pixels / k, k · channels), a view."""
    return x.permute(0, 2, 3, 1).view(-1, k * x.shape[1])


def _pixels_per_row(x: Tensor) -> int:
    pixels = x.numel() // x.shape[1]
    widest = max(1, ROW // x.shape[1])
    return next(k for k in range(widest, 0, -1) if pixels % k == 0)


class _BatchNorm(torch.autograd.Function):
    """Normalise with the batch's own mean and variance, which are returned as well."""

    @staticmethod
    def forward(
        x: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        k = _pixels_per_row(x)
        wide = _widen(x, k)
        means, variances = torch.batch_norm_update_stats(wide, None, None, 0.0)
        means, variances = means.view(k, -1), variances.view(k, -1)
        mean = means.mean(0)
        variance = variances.mean(0) + means.var(0, correction=0)  # within rows + between rows
        scale = weight * (variance + eps).rsqrt()
        shift = bias - mean * scale
        y = torch.empty_like(x)  # filled through a view: a result that is one could not be
        torch.addcmul(shift.repeat(k), scale.repeat(k), wide, out=_widen(y, k))  # clipped in place
        return y, mean, variance

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
        x, weight, _, ctx.eps = inputs
        _, mean, variance = output
        ctx.mark_non_differentiable(mean, variance)
        ctx.save_for_backward(x, weight, mean, variance)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor, *_: Tensor):  # type: ignore[no-untyped-def]
        """With u = (x - mean) / deviation and g the gradient, both per channel over n pixels:

        bias' = Σ g, weight' = Σ g·u, x' = weight / deviation · (g - bias'/n - u · weight'/n).
        """
        x, weight, mean, variance = ctx.saved_tensors
        k = _pixels_per_row(x)
        pixels = x.numel() // x.shape[1]
        wide = _widen(x, k)
        wide_gradient = _widen(gradient.contiguous(memory_format=torch.channels_last), k)
        # Both sums in one pass: the affine gradients of an evaluation-mode normalisation with
        # deviation 1 are Σ g·(x - mean) and Σ g.
        ones = torch.ones(wide.shape[1])
        _, product, total = torch.ops.aten.native_batch_norm_backward(
            wide_gradient, wide, ones, mean.repeat(k), ones, None, None, False, 0.0,
            [False, True, True],
        )  # fmt: skip
        deviation = (variance + ctx.eps).sqrt()
        grad_weight = product.view(k, -1).sum(0) / deviation
        grad_bias = total.view(k, -1).sum(0)
        of_gradient = weight / deviation
        of_x = -of_gradient * grad_weight / (deviation * pixels)
        constant = -of_gradient * grad_bias / pixels - of_x * mean
        grad_x = torch.empty_like(x)
        torch.addcmul(constant.repeat(k), of_x.repeat(k), wide, out=_widen(grad_x, k))
        _widen(grad_x, k).addcmul_(of_gradient.repeat(k), wide_gradient)
        return grad_x, grad_weight, grad_bias, None


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
