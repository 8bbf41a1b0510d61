"""Batch norm over two processes against torch's own over the whole batch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from martlet.training.ranks import ONE_PROCESS, Ranks
from martlet.training.sync_batch_norm import SyncedBatchNorm, synchronised

INPUTS = torch.randn(8, 3, 2, 2, generator=torch.Generator().manual_seed(0)) * 3 + 5
TARGETS = torch.randn(8, 3, 2, 2, generator=torch.Generator().manual_seed(1))


def through(model: nn.Module, ranks: Ranks) -> list[NDArray[Any]]:
    """Outputs, gradients of inputs and weights, and statistics, after two steps and in eval."""
    places = ranks.share.of(len(INPUTS))
    inputs = INPUTS[places].clone().requires_grad_()
    outputs = model(inputs)
    (outputs * TARGETS[places]).sum().backward()
    model(inputs.detach() + 1)
    gradients = torch.stack([one.grad for one in model.parameters() if one.grad is not None])
    statistics = torch.stack([buffer.float() for buffer in model.buffers() if buffer.ndim])
    evaluated = model.eval()(inputs)
    return [
        one.detach().numpy() for one in (outputs, inputs.grad, evaluated, gradients, statistics)
    ]  # type: ignore[union-attr]


def network(momentum: float | None) -> nn.Module:
    model = nn.Sequential(nn.BatchNorm2d(3, momentum=momentum))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
    return model


@pytest.mark.parametrize("momentum", [0.1, None])
def test_forward_backward_and_statistics_are_torchs(
    together: Callable[..., list[Any]], momentum: float | None
) -> None:
    whole = through(network(momentum), ONE_PROCESS)
    first, second = together(lambda ranks: through(synchronised(network(momentum), ranks), ranks))
    joined = [np.concatenate(pair) for pair in zip(first[:3], second[:3], strict=True)]
    joined.append(first[3] + second[3])  # of the sum of both losses
    joined.append(first[4])
    for mine, right in zip(joined, whole, strict=True):
        np.testing.assert_allclose(mine, right, rtol=1e-5, atol=2e-6)
    np.testing.assert_array_equal(first[4], second[4])


def test_names_and_weights_stay_and_one_alone_has_torchs_own() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(nn.BatchNorm2d(4)), nn.BatchNorm2d(4))
    assert type(synchronised(model, ONE_PROCESS)[2]) is nn.BatchNorm2d  # type: ignore[index]
    before = dict(model.state_dict())
    parameters = list(model.parameters())
    synced = synchronised(model, Ranks(rank=0, count=2))
    assert sum(isinstance(layer, SyncedBatchNorm) for layer in synced.modules()) == 2
    assert list(synced.state_dict()) == list(before)
    assert all(a is b for a, b in zip(synced.parameters(), parameters, strict=True))
