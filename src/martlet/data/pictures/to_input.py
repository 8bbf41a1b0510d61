"""Batches of pixels become a network's input, fast."""

import numpy as np
import torch
from torch import Tensor

from martlet.data.pictures.preprocess import Preprocess


class ToInput:
    """uint8 pixels (N, H, W, C) to the network's float input, as `Preprocess.normalise` does.

    On a CPU the result lies in a buffer that the next call overwrites: fresh memory for every
    batch costs more than the arithmetic.
    """

    def __init__(self, preprocess: Preprocess, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        # A whole row of pixels, W * C numbers, is one vector operation; C numbers are not.
        width = preprocess.size
        self._scale = torch.tensor(preprocess.scale).repeat(width).to(self.device)
        self._bias = torch.tensor(preprocess.bias).repeat(width).to(self.device)
        self._buffer = torch.empty(0)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Float32 (N, C, H, W) on the device, in channels-last memory."""
        rows = pixels.flatten(2)
        if self.device.type == "cpu":
            if self._buffer.numel() < rows.numel():
                with torch.inference_mode(False):  # evaluation's buffer serves training too
                    self._buffer = torch.empty(rows.numel())
            inputs = self._buffer[: rows.numel()].view(rows.shape)
            # NumPy, since torch would wake a second thread that then spins beside the workers;
            # one picture at a time, so that it stays in the processor's cache.
            scale, bias = self._scale.numpy(), self._bias.numpy()
            for into, picture in zip(inputs.numpy(), rows.numpy(), strict=True):
                np.multiply(picture, scale, out=into)
                np.add(into, bias, out=into)
        else:
            inputs = rows.to(self.device).to(torch.float32)
            inputs.mul_(self._scale).add_(self._bias)
        return inputs.unflatten(2, (-1, pixels.shape[3])).permute(0, 3, 1, 2)
