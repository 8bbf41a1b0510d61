"""What training does to a picture and its boxes: torchvision's transforms, and a mosaic of four.

Boxes of which less than a quarter of the area is left are no boxes of the new picture; it may have
none, and is learnt from all the same.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from martlet.data.boxes.samples import NO_BOX

Target = NDArray[np.float32]  # (rows, COLUMNS) of samples.py
# A picture of the training part, by chance.
Another = Callable[[], tuple[NDArray[np.uint8], Target]]
Augment = Callable[[NDArray[np.uint8], Target, Another], tuple[Tensor, Target]]
LEAST_LEFT = 0.25  # of a box's area
LEAST_SIDE = 1.0  # pixels
ZOOM = (1.0, 2.0)  # how often a side of the canvas is longer than the picture's
RATIOS = [0.3, 0.5, 0.7, 0.9]  # IoUs of which a crop has one with some box; as SSD draws them


def build_augment(
    size: int,
    *,
    flip: bool = True,
    box_crop: float = 0.0,
    zoom_out: float = 0.0,
    mosaic: float = 0.0,
    color_jitter: float = 0.0,
) -> Augment:
    """Pictures (size, size, C) with their targets -> the same, changed by chance.

    box_crop, zoom_out, mosaic: how often each is done, 0 to 1. Draws follow from torch's generator.
    """
    steps: list[v2.Transform] = []
    if zoom_out:
        steps.append(v2.RandomZoomOut(fill=128, side_range=ZOOM, p=zoom_out))
    if box_crop:
        crop = v2.RandomIoUCrop(min_scale=0.3, sampler_options=[*RATIOS, 1.0])
        steps.append(v2.RandomApply([crop], p=box_crop))
    steps.append(v2.Resize((size, size), antialias=True))
    if flip:
        steps.append(v2.RandomHorizontalFlip())
    if color_jitter:
        steps.append(v2.ColorJitter(color_jitter, color_jitter, color_jitter))
    transform = v2.Compose(steps)

    def augment(
        pixels: NDArray[np.uint8], target: Target, another: Another
    ) -> tuple[Tensor, Target]:
        if mosaic and float(torch.rand(())) < mosaic:
            pixels, target = mosaic_of([(pixels, target), *(another() for _ in range(3))])
        return transformed(transform, pixels, target, size)

    return augment


def transformed(
    transform: Callable[..., Any], pixels: NDArray[np.uint8], target: Target, size: int
) -> tuple[Tensor, Target]:
    """Both through a transform of torchvision's; what is left too little of goes."""
    real = target[target[:, 0] >= 0]
    boxes = tv_tensors.BoundingBoxes(
        torch.from_numpy(real[:, 1:5].copy()),
        format=tv_tensors.BoundingBoxFormat.XYXY,
        canvas_size=pixels.shape[:2],
    )
    rows = torch.arange(len(real))
    given = {
        "image": tv_tensors.Image(torch.from_numpy(pixels).permute(2, 0, 1)),
        "boxes": boxes,
        "labels": rows,  # torchvision drops these with the boxes that a crop loses
    }
    made = transform(given)
    kept, corners = made["labels"].numpy(), made["boxes"].numpy().astype(np.float32)
    clipped = np.clip(corners, 0, size)
    area, left = _areas(corners), _areas(clipped)
    sides = clipped[:, 2:] - clipped[:, :2]
    stays = (left >= LEAST_LEFT * area) & (sides >= LEAST_SIDE).all(axis=1)
    found = np.zeros_like(target)
    found[:, 0] = NO_BOX
    found[:, 6:] = target[:1, 6:]
    chosen = real[kept[stays]]
    chosen[:, 1:5] = clipped[stays]
    found[: len(chosen)] = chosen
    picture = torch.as_tensor(made["image"]).permute(1, 2, 0).contiguous()
    return picture, found


def mosaic_of(
    four: list[tuple[NDArray[np.uint8], Target]],
) -> tuple[NDArray[np.uint8], Target]:
    """Four pictures of one size as one of twice the side around a point by chance, cut to a window.

    The point lies in the middle half of the window, so that each has at least a 16th of it. Rows of
    the target are as many as all four have.
    """
    size = four[0][0].shape[0]
    centre = [round(float(torch.empty(()).uniform_(0.25, 0.75)) * size) for _ in range(2)]
    canvas = np.empty_like(four[0][0])
    targets = []
    for number, (pixels, target) in enumerate(four):
        down, across = divmod(number, 2)
        rows = slice(centre[0], size) if down else slice(0, centre[0])
        columns = slice(centre[1], size) if across else slice(0, centre[1])
        # The corner of each picture that lies at the point is its inner one.
        top = 0 if down else size - centre[0]
        left = 0 if across else size - centre[1]
        height, width = rows.stop - rows.start, columns.stop - columns.start
        canvas[rows, columns] = pixels[top : top + height, left : left + width]
        targets.append(_moved(target, columns.start - left, rows.start - top, rows, columns))
    return canvas, np.concatenate(targets)


def _moved(target: Target, across: int, down: int, rows: slice, columns: slice) -> Target:
    """Boxes at their new place, cut to their quarter; those of which too little is left go."""
    found = target.copy()
    corners = target[:, 1:5] + np.array((across, down, across, down), np.float32)
    low = np.array((columns.start, rows.start), np.float32)
    high = np.array((columns.stop, rows.stop), np.float32)
    cut = np.concatenate(
        (np.clip(corners[:, :2], low, high), np.clip(corners[:, 2:], low, high)), 1
    )
    gone = _areas(cut) < LEAST_LEFT * np.maximum(_areas(corners), 1e-6)
    found[:, 1:5] = cut
    found[gone, 0] = NO_BOX
    return found


def _areas(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    sides = np.maximum(corners[:, 2:] - corners[:, :2], 0)
    found: NDArray[np.float32] = sides[:, 0] * sides[:, 1]
    return found
