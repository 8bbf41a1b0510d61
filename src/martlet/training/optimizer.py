"""The optimiser, and the groups of weights that it treats alike."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from martlet.training.freezing import depths
from martlet.training.muon import Muon
from martlet.training.recipe import Recipe
from martlet.training.rmsprop import TensorFlowRMSprop


class Treatment(NamedTuple):
    """What the optimiser does to a weight; those of one treatment form a group, in this order."""

    free: bool  # of weight decay
    orthogonal: bool  # see muon.py
    depth: int = 0  # stages to the classifier, where rates depend on it
    later: bool = False  # moved from the epochs on that train more than the classifier


def parameter_groups(model: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Groups for the optimiser: params, weight_decay, peak_lr, and for Muon rows.

    Weights of convolutions and linear layers decay, depthwise filters if asked to; biases and
    batch norm do not. Parameters that need no gradient are left out. Weights that are frozen at
    first form groups of their own: a fused step takes all weights of a group for equally far.
    """
    matrices = _matrices(model) if recipe.optimizer == "muon" else {}
    away = depths(model) if recipe.lr_decay < 1 else {}
    head = set(model.get_submodule("classifier").parameters()) if recipe.head_epochs else set()
    groups: dict[Treatment, list[Tensor]] = {}
    for layer in model.modules():
        spared = _is_depthwise(layer) and not recipe.decay_depthwise
        for weight in layer.parameters(recurse=False):
            if weight.requires_grad:
                treatment = Treatment(
                    free=weight.ndim <= 1 or spared,
                    orthogonal=weight in matrices,
                    depth=away.get(weight, 0),
                    later=bool(head) and weight not in head,
                )
                groups.setdefault(treatment, []).append(weight)
    made = []
    for treatment, weights in sorted(groups.items()):
        group = {
            "params": weights,
            "weight_decay": 0.0 if treatment.free else recipe.weight_decay,
            "peak_lr": (recipe.muon_lr if treatment.orthogonal else recipe.lr)
            * recipe.lr_decay**treatment.depth,
        }
        group |= {"rows": [matrices[w] for w in weights]} if treatment.orthogonal else {}
        group |= {"later": True} if treatment.later else {}
        made.append(group)
    return made


def _matrices(model: nn.Module) -> dict[Tensor, int]:
    """Weights for Muon: those inside the network, and outputs of a group of their convolution.

    Stem and classifier, the first and the last layer, are not of them: what they map from and to
    are no directions of features, but channels and classes by themselves. Nor are filters that see
    one channel.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, _ConvNd | nn.Linear)]
    found: dict[Tensor, int] = {}
    for layer in layers[1:-1]:
        rows = len(layer.weight) // getattr(layer, "groups", 1)
        if min(rows, layer.weight[0].numel()) > 1 and not _is_depthwise(layer):
            found[layer.weight] = rows
    return found


def _is_depthwise(layer: nn.Module) -> bool:
    """Whether each filter sees one of several channels."""
    return isinstance(layer, _ConvNd) and layer.groups == layer.in_channels > 1


def build_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser; fused (one kernel for all weights of a group) where torch has it."""
    groups = parameter_groups(model, recipe)
    device = next(model.parameters()).device.type
    fused = device in ("cpu", "cuda")
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.lr, fused=fused)
    if recipe.optimizer == "rmsprop":
        return TensorFlowRMSprop(
            groups,
            lr=recipe.lr,
            decay=recipe.rmsprop_decay,
            momentum=recipe.momentum,
            epsilon=recipe.rmsprop_epsilon,
        )
    made = Muon if recipe.optimizer == "muon" else torch.optim.SGD
    nesterov = recipe.nesterov and recipe.momentum > 0
    return made(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=nesterov, fused=fused)


def state_fields(recipe: Recipe) -> frozenset[str]:
    """What the optimiser keeps of each weight, in tensors of its shape but for a scalar "step"."""
    if recipe.optimizer == "adamw":
        return frozenset({"step", "exp_avg", "exp_avg_sq"})
    kept = {"momentum_buffer"} if recipe.momentum > 0 else set()
    return frozenset(kept | ({"square_avg"} if recipe.optimizer == "rmsprop" else set()))
