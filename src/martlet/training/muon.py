"""Muon: momentum that is made orthogonal, for the matrices inside a network; SGD for the rest.

Keller Jordan and others, "Muon: an optimizer for hidden layers in neural networks" (2024). The
momentum of a matrix is replaced by the nearest orthogonal matrix, so that all its directions are
learnt at one rate, also those that few inputs have a gradient for.

Differences from torch.optim.Muon, which takes a matrix at a time:

- Convolutions are matrices too: of each group (outputs, inputs · kernel).
- All matrices of one shape, or its transpose, are stacked: a network of 60 layers has a handful of
  shapes, and small products one by one cost more in calls than in numbers. Test: each matrix by
  itself comes to the same.
- bfloat16, the paper's, where the processor multiplies it faster, and float32 elsewhere.
"""

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor

# Coefficients of the iteration x ← (a + b · xxᵀ + c · (xxᵀ)²) x, the paper's: five steps take any
# singular value from 0.01 to 1 into 0.68 to 1.13, which is as good as 1 here.
A, B, C = 3.4445, -4.7750, 2.0315
STEPS = 5
LEAST_NORM = 1e-7
COARSE = 64  # rows, from which on products in bfloat16 are the faster ones
LONG = 2  # columns of a row, from which on the products are those of a square


class Muon(torch.optim.SGD):
    """SGD, but for groups with "rows", whose weights it takes for matrices.

    rows: of each weight of the group, outputs of one group of its convolution; so that a weight of
        shape (outputs, inputs, ...) holds outputs / rows matrices.

    A matrix moves by lr · √max(1, rows / columns) · orthogonal(momentum) and decays by itself, by
    lr · weight_decay · w, as AdamW's do.

    The state of a weight is momentum_buffer, of its shape, as SGD's.
    """

    def __init__(self, groups: list[dict[str, Any]], **options: Any) -> None:
        super().__init__(groups, **options)
        for group in self.param_groups:
            if "rows" in group:  # what SGD then adds has its momentum already
                group["inertia"], group["ahead"] = group["momentum"], group["nesterov"]
                group["momentum"], group["nesterov"] = 0.0, False

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move all weights that have a gradient, which is used up; no closure is taken."""
        for group in self.param_groups:
            if "rows" in group:
                self._orthogonal_gradients(group)
        super().step()

    def _orthogonal_gradients(self, group: dict[str, Any]) -> None:
        """Put what a plain step subtracts in the place of each gradient."""
        stacks: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for weight, rows in zip(group["params"], group["rows"], strict=True):
            if weight.grad is not None:
                moved = self._momentum(weight, group).reshape(-1, rows, weight[0].numel())
                stacks[min(moved.shape[1:]), max(moved.shape[1:])].append((weight.grad, moved))
        for (least, _), stack in stacks.items():
            wide = [moved if moved.shape[1] == least else moved.mT for _, moved in stack]
            made = orthogonal(torch.cat(wide)).split([len(moved) for moved in wide])
            for (grad, moved), one in zip(stack, made, strict=True):
                rows, columns = moved.shape[1:]
                one = one if rows == least else one.mT
                grad.copy_(one.reshape(grad.shape)).mul_(max(1, rows / columns) ** 0.5)

    def _momentum(self, weight: Tensor, group: dict[str, Any]) -> Tensor:
        """What SGD would move the weight by, with the present gradient noted."""
        assert weight.grad is not None
        if not group["inertia"]:
            return weight.grad
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        buffer: Tensor = state["momentum_buffer"].mul_(group["inertia"]).add_(weight.grad)
        return weight.grad.add(buffer, alpha=group["inertia"]) if group["ahead"] else buffer


def orthogonal(matrices: Tensor) -> Tensor:
    """Nearly the nearest matrices with orthonormal rows: (N, rows, columns), rows ≤ columns.

    Singular values of a hundredth of the largest and more come near 1, smaller ones grow by 3.4 a
    step; zeros stay zeros. Newton and Schulz's iteration, of matrix products alone.
    """
    x = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp(min=LEAST_NORM)
    rows, columns = x.shape[1:]
    if x.dtype == torch.float32 and rows >= COARSE and multiplies_bfloat16(x.device):
        x = x.bfloat16()
    if columns < LONG * rows:
        for _ in range(STEPS):
            x = torch.baddbmm(x, _polynomial(x @ x.mT), x, beta=A)
        return x.to(matrices.dtype)
    # A step multiplies x from the left by a polynomial p of xxᵀ, and so xxᵀ on both sides: long
    # matrices are multiplied twice, not ten times.
    gram = x @ x.mT
    total: Tensor | None = None
    for step in range(STEPS):
        p = _polynomial(gram)
        p.diagonal(dim1=1, dim2=2).add_(A)
        total = p if total is None else p @ total
        gram = p @ gram @ p if step + 1 < STEPS else gram
    assert total is not None
    return (total @ x).to(matrices.dtype)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether it has instructions for products of bfloat16; others convert, and are slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def _polynomial(gram: Tensor) -> Tensor:
    """b · xxᵀ + c · (xxᵀ)², of xxᵀ."""
    return torch.baddbmm(gram, gram, gram, beta=B, alpha=C)
