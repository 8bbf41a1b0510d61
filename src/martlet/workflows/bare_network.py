"""A network's ONNX file for measurements: its outputs as they are, and no names for them."""

from pathlib import Path

from torch import nn

from martlet.exporting import export_onnx
from martlet.exporting.trained import LOGITS
from martlet.inference.network import ANSWERS
from martlet.models.detectors import Detector


def write_bare(model: nn.Module, path: Path, shape: tuple[int, ...], outputs: int) -> None:
    """Write the verified file of a network of so many outputs; of a detector, its answers."""
    export_onnx(
        model,
        path,
        preprocess=None,
        shape=shape,
        classes=[str(number) for number in range(outputs)],
        output=ANSWERS if isinstance(model, Detector) else LOGITS,
    )
