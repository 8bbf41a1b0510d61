from dataclasses import replace

import pytest
import torch
from torch import nn

from martlet.training.optimizer import build_optimizer, learning_rate, parameter_groups
from martlet.training.recipe import Recipe


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def test_only_weights_of_convolutions_and_linear_layers_decay() -> None:
    model = network()
    decayed, free = parameter_groups(model, 0.01)
    assert decayed["params"] == [model[0].weight, model[3].weight]
    assert free["params"] == [model[0].bias, model[1].weight, model[1].bias, model[3].bias]
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.01, 0.0)


def test_frozen_parameters_are_left_out() -> None:
    model = network()
    model[0].requires_grad_(False)
    assert sum(len(group["params"]) for group in parameter_groups(model, 0.01)) == 4


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_fused_step_equals_the_plain_one(recipe: Recipe, name: str) -> None:
    """In double precision: the gradient of a bias before a normalisation is nothing but rounding,
    which AdamW would scale up to whole steps.
    """
    torch.manual_seed(0)
    ours, theirs = network().double(), network().double()
    theirs.load_state_dict(ours.state_dict())
    recipe = replace(recipe, optimizer=name, lr=0.01)
    fused = build_optimizer(ours, recipe)
    plain_class = torch.optim.SGD if name == "sgd" else torch.optim.AdamW
    options = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    plain = plain_class(parameter_groups(theirs, recipe.weight_decay), lr=0.01, **options)
    for model, optimizer in ((ours, fused), (theirs, plain)):
        for seed in range(3):
            torch.manual_seed(seed)
            optimizer.zero_grad()
            model(torch.randn(5, 3, 3, 3).double()).square().sum().backward()
            optimizer.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


def test_rate_rises_to_the_peak_and_falls_to_zero(recipe: Recipe) -> None:
    rates = [learning_rate(step, 10, recipe) for step in range(30)]
    assert max(rates) == rates[10] == recipe.lr
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.01 * recipe.lr
    assert rates[20] == pytest.approx(recipe.lr / 2)


def test_rate_of_a_run_shorter_than_its_warmup(recipe: Recipe) -> None:
    short = replace(recipe, epochs=1, warmup_epochs=5.0)
    rates = [learning_rate(step, 3, short) for step in range(3)]
    assert all(0 < rate <= short.lr for rate in rates)
