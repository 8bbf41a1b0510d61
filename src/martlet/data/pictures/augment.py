"""What training does to a picture before the network sees it: torchvision's transforms."""

from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import v2


class CropAndResize(v2.RandomResizedCrop):  # type: ignore[misc]  # torchvision is untyped
    """torchvision's RandomResizedCrop, kept in channels-last memory: a third of the time.

    Draws the same rectangles and gives the same pixels; (N, C, H, W) uint8, antialiased.
    """

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Called by torchvision's Transform with a rectangle from `make_params`."""
        top, left = params["top"], params["left"]
        crop = inpt[..., top : top + params["height"], left : left + params["width"]]
        if tuple(crop.shape[-2:]) == tuple(self.size):
            return crop
        return F.interpolate(crop, size=self.size, mode="bilinear", antialias=True)


class PadAndCrop(v2.RandomCrop):  # type: ignore[misc]  # torchvision is untyped
    """torchvision's RandomCrop of one padded picture: only the pixels of the crop are touched.

    Draws the same corners and gives the same pixels; (1, C, H, W) uint8 in channels-last memory.
    """

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Called by torchvision's Transform with a corner from `make_params`."""
        pixels = inpt[0].permute(1, 2, 0).numpy()
        left, top, _, _ = params["padding"]
        found = [
            np.arange(start - before, start - before + side)
            for start, before, side in zip(
                (params["top"], params["left"]), (top, left), self.size, strict=True
            )
        ]
        limits = [side - 1 for side in pixels.shape[:2]]
        if self.padding_mode == "reflect":
            rows, columns = (
                m - np.abs(m - np.abs(at)) for at, m in zip(found, limits, strict=True)
            )
            made = pixels[rows[:, None], columns]
        else:
            rows, columns = (np.clip(at, 0, m) for at, m in zip(found, limits, strict=True))
            made = pixels[rows[:, None], columns]
            made[rows != found[0]] = 0
            made[:, columns != found[1]] = 0
        return torch.from_numpy(made)[None].permute(0, 3, 1, 2)


def build_augment(
    size: int,
    *,
    crop_scale: float = 0.35,
    pad_crop: int = 0,
    pad_mode: Literal["reflect", "zero"] = "reflect",
    flip: bool = True,
    color_jitter: float = 0.0,
    trivial_augment: bool = False,
    rand_augment: int = 0,
    rand_augment_ops: int = 2,
    erase: float = 0.0,
) -> v2.Transform:
    """uint8 (1, C, H, W) of any size in, uint8 (1, C, size, size) out, from torch's global RNG.

    `crop_scale` is the smallest share of the area that a crop covers. ImageNet's customary 0.08
    is for large networks; the ShuffleNet papers ask for milder changes of scale. With `pad_crop`,
    pixels added on each side, nothing is resized, and `crop_scale` has no part in it.
    """
    steps: list[v2.Transform] = []
    if pad_crop:
        mode = "constant" if pad_mode == "zero" else pad_mode
        steps.append(PadAndCrop(size, padding=pad_crop, padding_mode=mode))
    elif crop_scale < 1:
        steps.append(CropAndResize(size, scale=(crop_scale, 1.0)))
    else:
        steps += [v2.Resize(size, antialias=True), v2.CenterCrop(size)]
    if flip:
        steps.append(v2.RandomHorizontalFlip())
    if color_jitter > 0:
        steps.append(v2.ColorJitter(color_jitter, color_jitter, color_jitter))
    if trivial_augment:
        steps.append(v2.TrivialAugmentWide())
    if rand_augment:
        steps.append(v2.RandAugment(num_ops=rand_augment_ops, magnitude=rand_augment))
    if erase > 0:
        steps.append(v2.RandomErasing(p=erase))
    return v2.Compose(steps)


def augmented(augment: v2.Transform, pixels: NDArray[np.uint8]) -> Tensor:
    """`augment` on one picture (H, W, C) uint8; (size, size, C) out."""
    # One picture as a batch whose strides say channels-last: resizing is twice as fast then.
    result: Tensor = augment(torch.from_numpy(pixels)[None].permute(0, 3, 1, 2))
    return result[0].permute(1, 2, 0)
