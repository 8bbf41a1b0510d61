"""One of our networks with fresh weights, and its ONNX file."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from martlet.models import create_model, spec
from martlet.workflows.bare_network import write_bare

COCO_CLASSES = 80  # of detectors


def exported(
    name: str,
    folder: Path,
    change: Callable[[nn.Module], None] | None = None,
    *,
    detector: str | None = None,
    side: int | None = None,
) -> tuple[nn.Module, Path, tuple[int, ...]]:
    """The network, ready for evaluation, with running statistics of its own; NAME.onnx; one input.

    `change` may change its weights before it is written. With a `detector` it is the backbone, and
    the file gives the answers of all places, for pictures of `side` pixels.
    """
    known = spec(name)
    torch.manual_seed(0)
    outputs = known.num_classes if detector is None else COCO_CLASSES
    model: nn.Module = (
        create_model(name)
        if detector is None
        else create_model(name, detector=detector, num_classes=outputs)
    )
    shape = known.input.shape if side is None else (known.input.shape[0], side, side)
    with torch.no_grad():
        model(torch.randn(8, *shape))
        if change is not None:
            change(model)
    model.eval()
    path = folder / f"{known.name}.onnx"
    write_bare(model, path, shape, outputs)
    return model, path, shape
