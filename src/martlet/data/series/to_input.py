"""Batches of windows of recordings become a network's input."""

import torch
from torch import Tensor

from martlet.data.series.preprocess import SeriesPreprocess


class ToInput:
    """Float32 (N, window, channels) to (N, 1, window, channels), as `normalise` does."""

    def __init__(self, preprocess: SeriesPreprocess, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._mean = torch.tensor(preprocess.mean, dtype=torch.float32).to(self.device)
        self._scale = torch.from_numpy(preprocess.scale).to(self.device)

    def __call__(self, samples: Tensor) -> Tensor:
        return samples.to(self.device).sub(self._mean).mul_(self._scale).unsqueeze(1)
