"""Who watches a call: PyTorch's tracers, compilers and transforms see the plain operators only."""

import torch
from torch import Tensor


def is_recorded(x: object) -> bool:
    """Whether `x` stands for any input of its kind: a proxy of torch.fx, or in torch.jit.trace.

    Nothing is then checked and nothing decided by its shape.
    """
    return not isinstance(x, Tensor) or bool(torch._C._get_tracing_state())


def runs_plainly(x: object) -> bool:
    """Whether `x` is computed with here and now, so that a quicker way to the same numbers may be.

    Not so for torch.compile, torch.export and the transforms of torch.func, and when recorded.
    """
    return not (
        torch.compiler.is_compiling()
        or is_recorded(x)
        or torch._C._are_functorch_transforms_active()
    )
