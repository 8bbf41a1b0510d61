"""Running a network over a part of the data."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from swiftlet.data.preprocess import Preprocess


class ToInput(nn.Module):
    """uint8 pixels (N, C, H, W) to the network's float input, as `Preprocess.normalise` does."""

    scale: Tensor
    bias: Tensor

    def __init__(self, preprocess: Preprocess) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(preprocess.scale).view(-1, 1, 1))
        self.register_buffer("bias", torch.tensor(preprocess.bias).view(-1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Float32 on this module's device, in the memory format of `pixels`."""
        return pixels.to(self.scale.device, torch.float32).mul_(self.scale).add_(self.bias)


@torch.inference_mode()
def predict_logits(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], to_input: ToInput
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits (pictures, classes) and labels (pictures,) of all batches; the mode is put back."""
    training = model.training
    model.eval()
    logits, labels = [], []
    for pixels, truth in batches:
        logits.append(model(to_input(pixels)).float().cpu().numpy())
        labels.append(truth.numpy())
    model.train(training)
    return np.concatenate(logits), np.concatenate(labels)
