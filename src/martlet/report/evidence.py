"""What speaks for a class, laid over the picture that it was found in."""

import io

import numpy as np
import numpy.typing as npt

from martlet.errors import MartletError
from martlet.report.style import encodable

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]

COLOURS = "inferno"  # matplotlib's: even steps to the eye, in gray and for the colour-blind too
_LEAST, _MOST = 0.2, 0.85  # share of the map's colour where nothing, and most, speaks for the class
_GRAY = 0.5  # share of the picture's own colours that is taken away, so that the map's stand out
_UNLIT = 0.5  # brightness of the map's colour on black; the picture's lines stay seen within it
_UNSEEN = 0.3  # brightness of what the network does not see


def overlay(pixels: Pixels, evidence: npt.NDArray[np.floating], box: Box | None = None) -> Pixels:
    """The picture with its evidence over it, from none (dark) to the highest (yellow).

    pixels: uint8 (height, width, 3).
    evidence: (rows, columns), any scale. What is negative speaks against the class, and is shown
        as none. Between its places it is interpolated.
    box: left, top, right, bottom of what the network sees, in pixels; None: all. The rest is
        darkened.

    Raises MartletError for evidence that is no map of finite numbers.
    """
    from matplotlib import colormaps

    if evidence.ndim != 2 or not evidence.size or not np.isfinite(evidence).all():
        raise MartletError(f"evidence of shape {evidence.shape} is no map of finite numbers.")
    height, width = pixels.shape[:2]
    left, top, right, bottom = _whole(box or (0, 0, width, height), width, height)
    picture = pixels.astype(np.float32)
    gray = picture @ np.array((0.299, 0.587, 0.114), np.float32)
    shown = picture + _GRAY * (gray[..., None] - picture)
    seen = shown[top:bottom, left:right].copy()
    heat = _enlarged(evidence, bottom - top, right - left)
    colours = 255 * colormaps[COLOURS](heat)[..., :3]
    shown *= _UNSEEN
    lit = _UNLIT + (1 - _UNLIT) * gray[top:bottom, left:right, None] / 255
    shown[top:bottom, left:right] = seen + (_LEAST + (_MOST - _LEAST) * heat[..., None]) * (
        lit * colours - seen
    )
    return np.rint(shown).astype(np.uint8)


def _whole(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """The box in whole pixels, at least one each way, within the picture."""
    left, top = min(round(box[0]), width - 1), min(round(box[1]), height - 1)
    return left, top, max(left + 1, round(box[2])), max(top + 1, round(box[3]))


def _enlarged(
    evidence: npt.NDArray[np.floating], height: int, width: int
) -> npt.NDArray[np.float64]:
    """From 0 (none) to 1 (the highest); all 0 where nothing speaks for the class."""
    shares = np.maximum(evidence, 0) / max(float(evidence.max()), 1e-30)
    found: npt.NDArray[np.float64] = (
        between(height, len(evidence)) @ shares @ between(width, evidence.shape[1]).T
    )
    return found


def between(length: int, places: int) -> npt.NDArray[np.float64]:
    """(length, places): the weights that places have in each pixel of a side so long.

    A convolution that is padded on both ends and goes in strides has its first place over the
    first pixel, not amid the first stretch; so have all that follow it. Between two places the
    weights fall off evenly; behind the last it stands alone.
    """
    at = np.minimum(np.arange(length) * (places / length), places - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(places)))


def evidence_png(
    pixels: Pixels, evidence: npt.NDArray[np.floating], box: Box | None, told: str
) -> bytes:
    """The bytes of a PNG file of `overlay`; `told`, the picture in words, stands in the file.

    Raises MartletError as `overlay` does.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    words = PngInfo()
    words.add_itxt("Description", encodable(told))
    stream = io.BytesIO()
    Image.fromarray(overlay(pixels, evidence, box)).save(stream, "PNG", pnginfo=words)
    return stream.getvalue()
