"""The public recipe for CIFAR-10 as a plain loop: what benchmarks of recipes are measured against.

SGD of rate 0.1 and momentum 0.9, weight decay 5e-4 on everything, half a cosine, batches of 128,
crops out of a frame of an eighth of the side (4 pixels of 32), and flips, as the widely read
PyTorch repositories for CIFAR have it. The accuracy is that of the last epoch's weights.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class InMemory(ImageFolder):  # type: ignore[misc]  # torchvision is untyped
    """A folder's pictures, decoded once, squares of `side` pixels cut from the middle."""

    def __init__(self, folder: Path, side: int, steps: v2.Transform) -> None:
        super().__init__(str(folder))
        square = v2.Compose([v2.Resize(side, antialias=True), v2.CenterCrop(side)])
        self.pixels = []
        for path, _ in self.samples:
            with Image.open(path) as picture:
                self.pixels.append(np.array(square(picture.convert("RGB"))))
        self.steps = steps

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.steps(torch.from_numpy(self.pixels[index]).permute(2, 0, 1)), self.targets[
            index
        ]


def train_plainly(
    model: nn.Module, folder: Path, side: int, epochs: int, seed: int, batch: int = 128
) -> tuple[float, float]:
    """Accuracy on FOLDER/test of what was trained on FOLDER/train, and the seconds of training."""
    torch.manual_seed(seed)
    ending = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    moves = [v2.RandomCrop(side, padding=side // 8), v2.RandomHorizontalFlip()]
    train = InMemory(folder / "train", side, v2.Compose([*moves, *ending]))
    test = InMemory(folder / "test", side, v2.Compose(ending))
    batch = min(batch, len(train))
    loader: DataLoader[Any] = DataLoader(train, batch, shuffle=True, drop_last=True, num_workers=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loader))
    started = time.perf_counter()
    for _ in range(epochs):
        model.train()
        for inputs, labels in loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    seconds = time.perf_counter() - started
    model.eval()
    right = 0
    with torch.inference_mode():
        for inputs, labels in DataLoader(test, 250):
            right += int((model(inputs).argmax(1) == labels).sum())
    return right / len(test), seconds
