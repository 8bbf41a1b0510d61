"""An exported network is run and compared with the model it came from, before anyone gets it."""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from martlet.errors import MartletError
from martlet.inference import reason

Array = NDArray[np.float32]
Run = Callable[[Array], Array]  # a batch of inputs to their outputs

TOLERANCE = 1e-5
"""Largest accepted difference, as a part of the output's scale (its largest absolute value).

float32 carries 6e-8 of relative rounding; through some 50 layers, summed in another order and with
BatchNorm folded, networks with settled statistics come out 3e-7 to 8e-7 apart. A real mistake (a
wrong epsilon, a missing layer) costs 1e-3 and more.
"""

ROUNDING = 10.0
"""How many times PyTorch's own rounding error may be, where that is above TOLERANCE / 10.

Some networks amplify rounding: with BatchNorm scales far from 1, PyTorch in float32 already lies
1e-5 to 1e-4 from itself in float64, and no other program can come closer to it than that.
"""

EPSILON = 2.0**-23  # between float32 and the next one, relative
CEILING = 1e-3
"""Never accept more than this, whatever the rounding."""


def verify(
    run: Run,
    model: nn.Module,
    shape: Sequence[int],
    *,
    batches: Sequence[int] = (1, 3),
    temperature: float = 1.0,
) -> float:
    """The largest difference between `run` and `model`, relative to the output's scale.

    The model's outputs are divided by `temperature` first.

    `shape` is one input's, without the batch. Each batch is random normal numbers. The model is
    compared as it is, unfolded, on the CPU, in evaluation mode and float32; it is not changed.

    Raises MartletError when the difference is above what TOLERANCE, ROUNDING and CEILING allow,
    when either side gives NaN or infinity, and when `run` refuses a batch size or gives another
    shape.
    """
    reference = copy.deepcopy(model).cpu().float().eval()
    generator = np.random.default_rng(0)
    inputs = [generator.standard_normal((size, *shape), np.float32) for size in batches]
    worst = 0.0
    for batch in inputs:
        found = _outputs(run, batch)
        with torch.inference_mode():
            answer = reference(torch.from_numpy(batch))
            if not isinstance(answer, torch.Tensor):
                raise MartletError(
                    f"the PyTorch model gives a {type(answer).__name__}; one tensor is accepted."
                )
            expected = (answer / temperature).numpy()
        _check_values(expected, found)
        difference = _difference(expected, found)
        if difference <= TOLERANCE:
            accepted = TOLERANCE
        else:
            rounding = _rounding(reference, batch, expected * np.float32(temperature))
            accepted = min(max(TOLERANCE, ROUNDING * rounding), CEILING)
        if not difference <= accepted:
            raise MartletError(
                f"for a batch of {len(batch)} the exported network differs from the PyTorch model "
                f"by {difference:.2g} of the output's scale; at most {accepted:.2g} is accepted."
            )
        worst = max(worst, difference)
    return worst


def _outputs(run: Run, batch: Array) -> Array:
    try:
        return run(batch)
    except Exception as error:  # ONNX Runtime raises a dozen unrelated types
        raise MartletError(
            f"the exported network does not run on a batch of {len(batch)} ({reason(error)})."
        ) from error


def _check_values(expected: Array, found: Array) -> None:
    if expected.shape != found.shape:
        raise MartletError(
            f"for a batch of {len(expected)} the exported network's output has shape "
            f"{found.shape}, the PyTorch model's {expected.shape}; they must be equal."
        )
    for name, values in (("PyTorch model", expected), ("exported network", found)):
        if not np.isfinite(values).all():
            raise MartletError(f"the {name} gives NaN or infinity for a batch of {len(values)}.")


def _rounding(reference: nn.Module, batch: Array, expected: Array) -> float:
    """How far PyTorch in float32 is from itself in float64, and that from weights rounded anew.

    Folding rounds each weight once more, which a single run of PyTorch may not show.
    """
    exact, given = copy.deepcopy(reference).double(), torch.from_numpy(batch).double()
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        answer = exact(given).numpy()
        for weight in exact.parameters():
            noise = torch.rand(weight.shape, generator=generator, dtype=weight.dtype)
            weight.mul_(1 + EPSILON * (noise - 0.5))
        moved: Array = exact(given).numpy()
    return max(_difference(expected, answer), _difference(moved, answer))


def _difference(expected: Array, found: NDArray[np.floating]) -> float:
    """The largest absolute difference, as a part of the largest absolute expected value."""
    scale = max(float(np.abs(expected).max(initial=0.0)), float(np.finfo(np.float32).tiny))
    apart = np.abs(expected.astype(np.float64) - found)
    return float(apart.max(initial=0.0)) / scale
