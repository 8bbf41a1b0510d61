from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from martlet.models import create_model
from martlet.training.optimizer import build_optimizer, parameter_groups, state_fields
from martlet.training.recipe import Recipe


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def test_only_weights_of_convolutions_and_linear_layers_decay(recipe: Recipe) -> None:
    model = network()
    decayed, free = parameter_groups(model, replace(recipe, weight_decay=0.01))
    assert decayed["params"] == [model[0].weight, model[3].weight]
    assert free["params"] == [model[0].bias, model[1].weight, model[1].bias, model[3].bias]
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.01, 0.0)
    assert {decayed["peak_lr"], free["peak_lr"]} == {recipe.lr}


def test_depthwise_filters_decay_unless_they_are_spared(recipe: Recipe) -> None:
    model = create_model("mobilenet_v1_x0_25", num_classes=2)
    depthwise = {w for w in model.parameters() if w.ndim == 4 and w.shape[1] == 1}
    assert len(depthwise) == 13
    for spared in (False, True):
        groups = parameter_groups(model, replace(recipe, decay_depthwise=not spared))
        decayed, free = (set(group["params"]) for group in groups)
        assert depthwise <= (free if spared else decayed)
        assert len(decayed) == 28 - 13 * spared


def test_matrices_inside_the_network_are_muons(recipe: Recipe) -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 6, 1, groups=2),
        nn.Conv2d(6, 4, 3), nn.Linear(4, 5), nn.Linear(5, 2),
    )  # fmt: skip
    recipe = replace(recipe, optimizer="muon", muon_lr=0.3)
    decayed, muon, free = parameter_groups(model, recipe)
    assert muon["params"] == [model[2].weight, model[3].weight, model[4].weight]
    assert muon["rows"] == [3, 4, 5]
    assert decayed["params"] == [model[0].weight, model[1].weight, model[5].weight]
    assert len(free["params"]) == 6
    assert [group["peak_lr"] for group in (decayed, muon, free)] == [recipe.lr, 0.3, recipe.lr]


@pytest.mark.parametrize(
    ("name", "matrices"),
    [
        *[
            ("shufflenet_v1_g3_x0_5", 32),
            ("shufflenet_v2_x1_0", 36),
            ("mobilenet_v3_small_x1_0", 41),
        ],
        *[("hybridsn", 5), ("shufflenet_series", 3), ("resnet18", 19)],
    ],
)
def test_all_but_the_first_layer_and_the_classifier_may_be_muons(
    recipe: Recipe, name: str, matrices: int
) -> None:
    with torch.device("meta"):
        model = create_model(name, num_classes=7)
    _, muon, _ = parameter_groups(model, replace(recipe, optimizer="muon", muon_lr=0.02))
    assert len(muon["params"]) == matrices
    inside = set(muon["params"])
    assert next(model.parameters()) not in inside
    assert model.get_classifier().weight not in inside


def test_frozen_parameters_are_left_out(recipe: Recipe) -> None:
    model = network()
    model[0].requires_grad_(False)
    assert sum(len(group["params"]) for group in parameter_groups(model, recipe)) == 4


def three_steps(
    model: nn.Module, make: Callable[[nn.Module], torch.optim.Optimizer]
) -> torch.optim.Optimizer:
    optimizer = make(model)
    for seed in range(3):
        torch.manual_seed(seed)
        optimizer.zero_grad()
        model(torch.randn(5, 3, 3, 3).double()).square().sum().backward()
        optimizer.step()
    return optimizer


PLAIN: dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adamw": (torch.optim.AdamW, {}),
}


@pytest.mark.parametrize("name", PLAIN)
def test_fused_step_equals_the_plain_one(recipe: Recipe, name: Any) -> None:
    """In double precision: the gradient of a bias before a normalisation is nothing but rounding,
    which AdamW would scale up to whole steps.
    """
    torch.manual_seed(0)
    ours, theirs = network().double(), network().double()
    theirs.load_state_dict(ours.state_dict())
    recipe = replace(recipe, optimizer=name, lr=0.01)
    made, options = PLAIN[name]
    three_steps(ours, lambda model: build_optimizer(model, recipe))
    three_steps(theirs, lambda model: made(parameter_groups(model, recipe), lr=0.01, **options))
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adamw", "muon"])
def test_what_an_optimiser_keeps_of_a_weight(recipe: Recipe, name: Any, momentum: float) -> None:
    recipe = replace(recipe, optimizer=name, momentum=momentum, muon_lr=0.02)
    kept = three_steps(network().double(), lambda model: build_optimizer(model, recipe)).state
    assert all(values.keys() == state_fields(recipe) for values in kept.values())
    assert len(kept) in (6, 0)
    assert bool(kept) == bool(state_fields(recipe))


def test_momentum_without_nesterov(recipe: Recipe) -> None:
    groups = build_optimizer(network(), replace(recipe, nesterov=False)).param_groups
    assert {(group["momentum"], group["nesterov"]) for group in groups} == {(0.9, False)}
