"""torchvision's way of training a detector, as a plain loop: what boxes are measured against.

The network, loss and selection are torchvision's; pictures are decoded and transformed in each
epoch by a DataLoader; SGD with momentum 0.9 and weight decay 4e-5, a linear warm-up over the first
epoch, half a cosine: what its references say of SSDLite, with their rate of 0.15 for 192 pictures
scaled to the batch.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from martlet.data.boxes.listing import BoxListing
from martlet.measuring.boxes import Answers

RATE, PER = 0.15, 192

Sample = tuple[Tensor, dict[str, Tensor]]


class Pictures(Dataset[Sample]):
    """Pictures of a listing with their boxes, as torchvision's detectors take them."""

    def __init__(self, listing: BoxListing, indices: Sequence[int], train: bool) -> None:
        self.listing, self.indices = listing, indices
        moves = [v2.RandomIoUCrop(), v2.RandomHorizontalFlip()] if train else []
        ending = [v2.SanitizeBoundingBoxes()] if train else []
        self.steps = v2.Compose([*moves, v2.ToDtype(torch.float32, scale=True), *ending])

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, number: int) -> Sample:
        index = self.indices[number]
        boxes = self.listing.boxes[index]
        with Image.open(self.listing.root / self.listing.pictures[index]) as file:
            picture = v2.functional.to_image(file.convert("RGB"))
        target = {
            "boxes": tv_tensors.BoundingBoxes(
                torch.from_numpy(boxes.corners),
                format=tv_tensors.BoundingBoxFormat.XYXY,
                canvas_size=picture.shape[-2:],
            ),
            "labels": torch.from_numpy(boxes.labels) + 1,
        }
        made: Sample = self.steps(picture, target)
        return made


def collate(samples: list[Sample]) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """Pictures of several sizes stay a list."""
    return [picture for picture, _ in samples], [target for _, target in samples]


def train_plainly(
    model: nn.Module,
    listing: BoxListing,
    indices: Sequence[int],
    *,
    epochs: int,
    batch: int,
    rate: float | None = None,
    workers: int = 1,
    validate: Callable[[], None] = lambda: None,
) -> list[float]:
    """Train in place, and validate after each epoch; the seconds of each."""
    loader: DataLoader[Any] = DataLoader(
        Pictures(listing, indices, True), batch, shuffle=True, drop_last=True,
        num_workers=workers, collate_fn=collate,
    )  # fmt: skip
    rate = RATE * batch / PER if rate is None else rate
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=4e-5)
    steps = len(loader)
    warming = torch.optim.lr_scheduler.LinearLR(optimizer, 1e-3, total_iters=steps)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, (epochs - 1) * steps))
    schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [warming, falling], [steps])
    seconds = []
    for _ in range(epochs):
        started = time.perf_counter()
        model.train()
        for pictures, targets in loader:
            loss = sum(model(pictures, targets).values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        validate()
        seconds.append(time.perf_counter() - started)
    return seconds


def found_plainly(model: nn.Module, listing: BoxListing, indices: Sequence[int]) -> list[Answers]:
    """What the detector selects of each picture, by its own thresholds."""
    model.eval()
    answers = []
    with torch.inference_mode():
        for picture, _ in Pictures(listing, indices, False):  # type: ignore[attr-defined]
            (found,) = model([picture])
            numbers: dict[str, NDArray[Any]] = {k: v.numpy() for k, v in found.items()}
            kinds = (numbers["labels"] - 1).astype(np.int64)
            answers.append(Answers(numbers["boxes"], numbers["scores"], kinds))
    return answers
