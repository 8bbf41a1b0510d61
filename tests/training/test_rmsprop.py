"""Against the written-out formula, number by number, and against torch's where that can be."""

from math import sqrt

import pytest
import torch
from torch import Tensor, nn

from martlet.training.rmsprop import TensorFlowRMSprop

GRADIENTS = [0.5, -0.2, 0.1, 0.7]


def moved(optimizer: torch.optim.Optimizer, weight: Tensor, rates: list[float]) -> list[float]:
    """The weight after each step, with these rates."""
    found = []
    for gradient, rate in zip(GRADIENTS, rates, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        weight.grad = torch.full_like(weight, gradient)
        optimizer.step()
        found.append(weight.flatten()[0].item())
    return found


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_step_is_the_formula(momentum: float) -> None:
    rates, decay, epsilon, weight_decay = [0.1, 0.2, 0.05, 0.01], 0.8, 1e-3, 0.03
    w, a, m, expected = 2.0, 1.0, 0.0, []
    for g, rate in zip(GRADIENTS, rates, strict=True):
        g += weight_decay * w
        a = decay * a + (1 - decay) * g * g
        m = momentum * m + rate * g / sqrt(a + epsilon)
        w -= m
        expected.append(w)
    weight = nn.Parameter(torch.full((2, 3), 2.0, dtype=torch.float64))
    optimizer = TensorFlowRMSprop(
        [weight], 0.1, decay=decay, momentum=momentum, epsilon=epsilon, weight_decay=weight_decay
    )
    assert moved(optimizer, weight, rates) == pytest.approx(expected, rel=1e-12)


def test_what_torchs_has_otherwise() -> None:
    """With its start and no epsilon to speak of, torch's is the same while the rate is constant."""
    weights = [nn.Parameter(torch.ones(1, dtype=torch.float64)) for _ in range(2)]
    theirs = torch.optim.RMSprop(weights[:1], alpha=0.8, eps=1e-12, momentum=0.9)
    ours = TensorFlowRMSprop(weights[1:], 0.1, decay=0.8, momentum=0.9, epsilon=1e-24)
    ours.state[weights[1]] = {
        "square_avg": torch.zeros(1, dtype=torch.float64),
        "momentum_buffer": torch.zeros(1, dtype=torch.float64),
    }
    for rates, same in (([0.1] * 4, True), ([0.1, 0.01, 0.1, 0.01], False)):
        found = [moved(one, w, rates) for one, w in zip((theirs, ours), weights, strict=True)]
        assert (found[0] == pytest.approx(found[1])) is same


def test_a_weight_without_a_gradient_stays() -> None:
    weights = [nn.Parameter(torch.ones(2)) for _ in range(2)]
    groups = [{"params": [weight]} for weight in weights]
    optimizer = TensorFlowRMSprop(groups, 0.1)
    weights[0].grad = torch.ones(2)
    optimizer.step()
    assert weights[0][0] < 1
    assert weights[1].tolist() == [1.0, 1.0]
    assert weights[1] not in optimizer.state
