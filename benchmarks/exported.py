"""One of our networks with fresh weights, and its ONNX file."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from martlet.exporting import export_onnx
from martlet.models import create_model, spec


def exported(
    name: str, folder: Path, change: Callable[[nn.Module], None] | None = None
) -> tuple[nn.Module, Path]:
    """The network, ready for evaluation, with running statistics of its own; NAME.onnx.

    `change` may change its weights before it is written.
    """
    known = spec(name)
    torch.manual_seed(0)
    model = create_model(name)
    with torch.no_grad():
        model(torch.randn(8, *known.input.shape))
        if change is not None:
            change(model)
    model.eval()
    path = folder / f"{known.name}.onnx"
    classes = [str(number) for number in range(known.num_classes)]
    export_onnx(model, path, preprocess=None, shape=known.input.shape, classes=classes)
    return model, path
