"""A 64-bit hash that pictures which look alike share in all but a few bits.

The signs of the lowest frequencies of a small gray copy: the hash by DCT that Zauner describes
("Implementation and benchmarking of perceptual image hash functions", 2010). Writing a picture anew
with another loss or size turns few of its bits, and cutting off its edges some more.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 32  # pixels of the small gray copy
LOW = 8  # frequencies along each axis that are kept: LOW * LOW bits
FEWEST = 2 * LOW  # pixels of a side: of fewer, those frequencies are all there is
FLAT = 3.0  # deviation of the small copy's values, of 255: below it there is nothing to tell apart
NONE = 0  # the hash of a picture without details, which is like no other


def small_gray(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 (H, W, C), one channel or three, to float32 (SIDE, SIDE) gray, each axis squeezed."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    gray = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(gray, np.float32)


def perceptual_hash(pixels: NDArray[np.uint8], side: int | None = None) -> int:
    """Of a picture, uint8 (H, W, C) with one channel or three; `NONE` for a flat or tiny one.

    Two scans of the digit 7 in 8 x 8 pixels differ as little as two copies of a photo do.

    side: the shorter one of the picture that these are scaled from (default: theirs).
    """
    if (min(pixels.shape[:2]) if side is None else side) < FEWEST:
        return NONE
    small = small_gray(pixels)
    if small.std() < FLAT:
        return NONE
    waves = _cosines()
    low = (waves @ small @ waves.T).ravel()[1:]  # without the mean brightness
    bits = np.append(low > np.sort(low)[len(low) // 2], True)  # the last one: no hash is NONE
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


@cache
def _cosines() -> NDArray[np.float32]:
    """(LOW, SIDE): the first rows of the discrete cosine transform of type II."""
    place = (np.arange(SIDE) + 0.5) * np.pi / SIDE
    return np.cos(np.arange(LOW)[:, None] * place).astype(np.float32)
