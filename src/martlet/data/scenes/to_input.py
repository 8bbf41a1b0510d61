"""Batches of windows of components become a network's input."""

import torch
from torch import Tensor


class ToInput:
    """Float32 (N, window, window, components) to (N, 1, components, window, window).

    planes: to (N, components, window, window), in channels-last memory.
    """

    def __init__(self, device: torch.device | str = "cpu", *, planes: bool = False) -> None:
        self.device, self.planes = torch.device(device), planes

    def __call__(self, samples: Tensor) -> Tensor:
        inputs = samples.to(self.device).permute(0, 3, 1, 2)
        if self.planes:
            return inputs.contiguous(memory_format=torch.channels_last)
        return inputs.unsqueeze(1).contiguous()
