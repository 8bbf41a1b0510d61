"""A scene of many bands in three colours."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError

# Near infrared, red and green as red, green and blue: plants are red ("colour infrared").
INFRARED_NM = (850.0, 650.0, 550.0)
_NEAR_NM = 40.0  # a band's centre is as near as this to what it stands for
_CLIPPED = (2.0, 98.0)  # percentiles that become black and white


def false_colour_bands(
    bands: int, wavelengths: Sequence[float] | None = None, bad: Sequence[int] = ()
) -> tuple[tuple[int, int, int], str]:
    """The bands, from 0, that are drawn as red, green and blue, and a sentence that says so.

    Near infrared, red and green where the wavelengths (nm) have them; otherwise bands at three
    quarters, a half and a quarter of all. bad: bands not to be used.
    """
    used = [band for band in range(bands) if band not in set(bad)] or list(range(bands))
    if not used:
        raise MartletError("the scene has no bands; one or more are needed to draw it.")
    if wavelengths is not None and len(wavelengths) == bands:
        found = [min(used, key=lambda b: abs(wavelengths[b] - wanted)) for wanted in INFRARED_NM]
        gaps = [abs(wavelengths[b] - nm) for b, nm in zip(found, INFRARED_NM, strict=True)]
        if max(gaps) <= _NEAR_NM:
            red, green, blue = found
            shown = " nm, ".join(f"{wavelengths[band]:.0f}" for band in found)
            return (red, green, blue), (
                f"False colours: {shown} nm (near infrared, red, green) as red, green, blue; "
                "plants are red."
            )
    red, green, blue = (used[(len(used) - 1) * part // 4] for part in (3, 2, 1))
    numbers = ", ".join(str(band + 1) for band in (red, green, blue))
    return (red, green, blue), f"False colours: bands {numbers} of {bands} as red, green, blue."


def false_colour(block: NDArray[np.number]) -> NDArray[np.uint8]:
    """Three bands (rows, columns, 3) of any numbers as colours (rows, columns, 3) of 0..255.

    Each is stretched between its percentiles 2 and 98. Pixels that are not finite are white.
    """
    if block.ndim != 3 or block.shape[2] != 3 or not block.size:
        raise MartletError(f"a block of shape {block.shape} has no three bands.")
    values = np.asarray(block, np.float64)
    held = np.isfinite(values).all(-1)
    painted = np.full(block.shape, 255, np.uint8)
    if held.any():
        low, high = np.percentile(values[held], _CLIPPED, axis=0)
        span = np.where(high > low, high - low, 1.0)
        stretched = (values[held] - low) / span
        painted[held] = np.rint(255 * stretched.clip(0, 1)).astype(np.uint8)
    return painted
