"""Batches of windows of components, or of tiles, become a network's input."""

import torch
from torch import Tensor

from martlet.data.scenes.tiles import Tiles


class ToInput:
    """Float32 (N, rows, columns, components) to (N, 1, components, rows, columns).

    planes: to (N, components, rows, columns), in channels-last memory.
    """

    def __init__(self, device: torch.device | str = "cpu", *, planes: bool = False) -> None:
        self.device, self.planes = torch.device(device), planes

    def __call__(self, samples: Tensor | Tiles) -> Tensor | Tiles:
        """Windows, or tiles with the places of windows."""
        if isinstance(samples, Tiles):
            return Tiles(self._input(samples.scenes), samples.places.to(self.device))
        return self._input(samples)

    def _input(self, samples: Tensor) -> Tensor:
        inputs = samples.to(self.device).permute(0, 3, 1, 2)
        if self.planes:
            return inputs.contiguous(memory_format=torch.channels_last)
        return inputs.unsqueeze(1).contiguous()
