"""Batch norm with the statistics of the whole batch, where several processes share it.

torch's SyncBatchNorm is for GPUs alone; on a CPU the layer here does the same.
"""

from typing import Any, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from martlet.training.ranks import Ranks, lost


def synchronised(model: nn.Module, ranks: Ranks) -> nn.Module:
    """The network with its layers of batch norm replaced; weights and their names stay."""
    if ranks.alone:
        return model
    if next(model.parameters()).is_cuda:
        return cast(nn.Module, nn.SyncBatchNorm.convert_sync_batchnorm(model))
    for module in list(model.modules()):
        for name, layer in module.named_children():
            if isinstance(layer, _BatchNorm) and not isinstance(layer, SyncedBatchNorm):
                setattr(module, name, SyncedBatchNorm(layer, ranks))
    return model


class SyncedBatchNorm(_BatchNorm):
    """One layer of batch norm (N, C, ...), with the weights of `layer`."""

    def __init__(self, layer: _BatchNorm, ranks: Ranks) -> None:
        kept = layer.affine, layer.track_running_stats
        super().__init__(layer.num_features, layer.eps, layer.momentum, *kept)
        self.rank, self.count = ranks.rank, ranks.count
        self.weight, self.bias = layer.weight, layer.bias
        self.running_mean, self.running_var = layer.running_mean, layer.running_var
        self.num_batches_tracked = layer.num_batches_tracked
        self.train(layer.training)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of places behind (N, C)."""

    def forward(self, input: Tensor) -> Tensor:
        """Mean and variance are those over all processes; each has as many inputs."""
        if not self.training:
            return super().forward(input)
        values, places = input.float(), [0, *range(2, input.dim())]
        variance, mean = torch.var_mean(values, places, correction=0)
        own = F.pad(torch.stack((mean, variance))[None], (0, 0, 0, 0, self.rank, self._behind))
        means, variances = _Sum.apply(own, self.count).unbind(1)  # (processes, C) each
        mean = means.mean(0)
        variance = variances.mean(0) + (means - mean).square().mean(0)
        self._track(mean.detach(), variance.detach(), values.numel() // len(mean) * self.count)
        scale = (variance + self.eps).rsqrt()
        scale = scale if self.weight is None else scale * self.weight
        shape = (1, -1, *[1] * (input.dim() - 2))
        normal = (values - mean.view(shape)) * scale.view(shape)
        normal = normal if self.bias is None else normal + self.bias.view(shape)
        return normal.to(input.dtype)

    @property
    def _behind(self) -> int:
        return self.count - 1 - self.rank

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, inputs: int) -> None:
        """Move the running statistics; without momentum: the mean over batches."""
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * (inputs / max(inputs - 1, 1)), share)


class _Sum(torch.autograd.Function):
    """The sum over the processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, count: int) -> Tensor:
        ctx.count = count
        return _summed(values, count)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _summed(gradient, ctx.count), None


def _summed(values: Tensor, count: int) -> Tensor:
    total = values.contiguous().clone()
    with lost(count):
        dist.all_reduce(total)
    return total
