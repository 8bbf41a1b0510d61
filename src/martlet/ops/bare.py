"""A network without its numbers: shapes run through it at once, whatever its size."""

import copy
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn


def without_data(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode, without hooks, whose tensors are on the meta device."""
    memo: dict[int, Any] = {}
    for module in model.modules():
        for name, value in vars(module).items():
            if name.endswith("_hooks") and isinstance(value, dict):
                memo[id(value)] = OrderedDict()
        for group in (module._parameters, module._buffers, vars(module)):
            for tensor in group.values():
                if isinstance(tensor, Tensor):
                    bare = torch.empty_like(tensor, device="meta", requires_grad=False)
                    is_parameter = isinstance(tensor, nn.Parameter)
                    memo[id(tensor)] = nn.Parameter(bare, False) if is_parameter else bare
    return copy.deepcopy(model, memo).eval()
