"""What training does to a picture before the network sees it: torchvision's transforms."""

from typing import Any

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
        return F.interpolate(crop, size=self.size, mode="bilinear", antialias=True)


def build_augment(
    size: int,
    *,
    crop_scale: float = 0.35,
    flip: bool = True,
    trivial_augment: bool = False,
    erase: float = 0.0,
) -> v2.Transform:
    """uint8 (1, C, H, W) of any size in, uint8 (1, C, size, size) out, from torch's global RNG.

    `crop_scale` is the smallest share of the area that a crop covers. ImageNet's customary 0.08
    is for large networks; the ShuffleNet papers ask for milder changes of scale.
    """
    steps: list[v2.Transform] = []
    if crop_scale < 1:
        steps.append(CropAndResize(size, scale=(crop_scale, 1.0)))
    else:
        steps += [v2.Resize(size, antialias=True), v2.CenterCrop(size)]
    if flip:
        steps.append(v2.RandomHorizontalFlip())
    if trivial_augment:
        steps.append(v2.TrivialAugmentWide())
    if erase > 0:
        steps.append(v2.RandomErasing(p=erase))
    return v2.Compose(steps)


def augmented(augment: v2.Transform, pixels: NDArray[np.uint8]) -> Tensor:
    """`augment` on one picture (H, W, C) uint8; (size, size, C) out."""
    # One picture as a batch whose strides say channels-last: resizing is twice as fast then.
    result: Tensor = augment(torch.from_numpy(pixels)[None].permute(0, 3, 1, 2))
    return result[0].permute(1, 2, 0)
