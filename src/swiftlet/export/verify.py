"""An exported file is run and compared with the model it came from, before anyone gets it."""

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from swiftlet.errors import SwiftletError
from swiftlet.run import open_session

TOLERANCE = 1e-5
"""Largest accepted difference, as a part of the output's scale (its largest absolute value)."""


def verify(
    path: Path,
    model: nn.Module,
    shape: Sequence[int],
    *,
    batches: Sequence[int] = (1, 3),
    pictures: NDArray[np.float32] | None = None,
    tolerance: float = TOLERANCE,
) -> float:
    """The largest difference between the ONNX file and `model`, relative to the output's scale.

    `shape` is one input's, without the batch. Each batch is random normal numbers; `pictures`
    (N, *shape), preprocessed, are tried as well. Raises SwiftletError when the difference exceeds
    `tolerance`, when either side gives NaN or infinity, or when the file refuses a batch size. The
    model is compared as it is, unfolded, in evaluation mode and float32; it is not changed.
    """
    reference = copy.deepcopy(model).cpu().float().eval()
    session = open_session(path)
    generator = np.random.default_rng(0)
    inputs = [generator.standard_normal((size, *shape), np.float32) for size in batches]
    if pictures is not None:
        inputs.append(np.ascontiguousarray(pictures, np.float32))
    worst = 0.0
    for batch in inputs:
        with torch.inference_mode():
            expected = reference(torch.from_numpy(batch)).numpy()
        worst = max(worst, _difference(expected, _run(session, batch), len(batch)))
    if not worst <= tolerance:
        raise SwiftletError(
            f"the exported network differs from the PyTorch model by {worst:.2g} of the output's "
            f"scale; at most {tolerance:g} is accepted."
        )
    return worst


def _run(session: object, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    try:
        outputs: NDArray[np.float32] = session.run(["logits"], {"input": batch})[0]  # type: ignore[attr-defined]
    except Exception as error:  # ONNX Runtime raises a dozen unrelated types
        reason = str(error).strip().splitlines()[0]
        raise SwiftletError(
            f"the exported network does not run on a batch of {len(batch)} ({reason})."
        ) from error
    return outputs


def _difference(expected: NDArray[np.float32], found: NDArray[np.float32], size: int) -> float:
    if expected.shape != found.shape:
        raise SwiftletError(
            f"for a batch of {size} the exported network's output has shape {found.shape}, "
            f"the PyTorch model's {expected.shape}; they must be equal."
        )
    for name, values in (("PyTorch model", expected), ("exported network", found)):
        if not np.isfinite(values).all():
            raise SwiftletError(f"the {name} gives NaN or infinity for a batch of {size}.")
    scale = max(float(np.abs(expected).max(initial=0.0)), float(np.finfo(np.float32).tiny))
    return float(np.abs(expected - found).max(initial=0.0)) / scale
