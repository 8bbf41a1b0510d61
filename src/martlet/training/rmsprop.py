"""RMSprop as TensorFlow has it, which the MobileNet papers trained with."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class TensorFlowRMSprop(torch.optim.Optimizer):
    """Rates divided by the root of a running mean of squared gradients, then momentum.

    For a weight w with gradient g (with weight decay d it is g + d · w), from a = 1 and m = 0 on:

        a ← decay · a + (1 − decay) · g²
        m ← momentum · m + lr · g / √(a + epsilon)
        w ← w − m

    Differences to torch.optim.RMSprop, which is tuned to other rates and starts otherwise: epsilon
    stands inside the root; the mean starts at one, so that first steps are small ones, not huge;
    the rate is inside the momentum, so that a rate that falls does so for later gradients alone.
    Test: each of them against its formula. Sources: TensorFlow's `RMSPropOptimizer`, as its
    documentation defines it; timm's `RMSpropTF` reads it the same way.

    Its state of a weight: square_avg (a) and, with momentum, momentum_buffer (m), of its shape.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        *,
        decay: float = 0.9,
        momentum: float = 0.9,
        epsilon: float = 1e-3,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "decay": decay, "momentum": momentum, "epsilon": epsilon}
        super().__init__(params, {**defaults, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move all weights that have a gradient; no closure is taken."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if weights:
                self._move(weights, group)

    def _move(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        grads = tuple(weight.grad for weight in weights if weight.grad is not None)
        for weight in weights:
            if not self.state[weight]:
                self.state[weight]["square_avg"] = torch.ones_like(weight)
                if group["momentum"]:
                    self.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
        if group["weight_decay"]:
            grads = torch._foreach_add(grads, weights, alpha=group["weight_decay"])
        squares = [self.state[weight]["square_avg"] for weight in weights]
        torch._foreach_mul_(squares, group["decay"])
        torch._foreach_addcmul_(squares, grads, grads, 1 - group["decay"])
        roots = torch._foreach_add(squares, group["epsilon"])
        torch._foreach_sqrt_(roots)
        moves = torch._foreach_div(grads, roots)
        torch._foreach_mul_(moves, group["lr"])
        if group["momentum"]:
            buffers = [self.state[weight]["momentum_buffer"] for weight in weights]
            torch._foreach_mul_(buffers, group["momentum"])
            torch._foreach_add_(buffers, moves)
            moves = tuple(buffers)
        torch._foreach_sub_(weights, moves)
