"""Batches of windows of components become a network's input."""

import torch
from torch import Tensor


class ToInput:
    """Float32 (N, window, window, components) to (N, 1, components, window, window)."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)

    def __call__(self, samples: Tensor) -> Tensor:
        return samples.to(self.device).permute(0, 3, 1, 2).unsqueeze(1).contiguous()
