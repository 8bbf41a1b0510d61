"""The optimiser, its parameter groups, and the learning rate as a pure function of the step."""

from math import cos, pi

import torch
from torch import nn

from martlet.training.recipe import Recipe


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weights of convolutions and linear layers decay; biases and batch norm do not."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def build_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum or AdamW; fused: one kernel for all parameters per step."""
    groups = parameter_groups(model, recipe.weight_decay)
    device = next(model.parameters()).device.type
    fused = device in ("cpu", "cuda")
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.lr, fused=fused)
    return torch.optim.SGD(
        groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=fused
    )


def learning_rate(step: int, steps_per_epoch: int, recipe: Recipe) -> float:
    """The rate of step 0, 1, …: a linear rise over the warm-up, then half a cosine to zero."""
    total = recipe.epochs * steps_per_epoch
    warmup = min(round(recipe.warmup_epochs * steps_per_epoch), total - 1)
    if step < warmup:
        return recipe.lr * (step + 1) / (warmup + 1)
    return recipe.lr * 0.5 * (1 + cos(pi * (step - warmup) / (total - warmup)))
