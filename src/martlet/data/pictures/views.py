"""Several views of one picture, whose answers are averaged: at test, never in training."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from martlet.data.pictures.preprocess import Preprocess

Views = Literal["none", "flip", "crops"]
VIEWS: dict[str, int] = {"none": 1, "flip": 2, "crops": 10}  # of a picture, each a forward pass
MARGIN = 16  # the crops of a picture without any room lie this part of its side apart from its edge


def views(pixels: NDArray[np.uint8], preprocess: Preprocess, tta: Views) -> NDArray[np.uint8]:
    """A picture as it is cached, uint8 (H, W, C) -> (VIEWS[tta], size, size, C).

    flip: the centre, and the same mirrored. crops: the centre and the four corners, and all five
    mirrored (Krizhevsky et al., 2012). Where the cached picture is hardly larger than the input,
    which is so up to 64 pixels and with --resize squash, it is first padded by its own reflection,
    by a sixteenth of the input on each side; else the five would be one.
    """
    size = preprocess.size
    found = [preprocess.crop(pixels)]
    if tta == "crops":
        room = size // MARGIN
        pads = [(max(0, room - (side - size) // 2),) * 2 for side in pixels.shape[:2]]
        padded = np.pad(pixels, [*pads, (0, 0)], mode="reflect" if size > 1 else "edge")
        bottom, right = (side - size for side in padded.shape[:2])
        for top, left in ((0, 0), (0, right), (bottom, 0), (bottom, right)):
            found.append(padded[top : top + size, left : left + size])
    if tta != "none":
        found += [view[:, ::-1] for view in found]
    return np.stack(found)
