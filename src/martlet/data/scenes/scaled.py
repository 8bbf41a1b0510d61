"""Stored numbers in the unit of their file: number × scale + offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from martlet.data.scenes.values import Key, Values


@dataclass(frozen=True, eq=False)
class Scaled:
    """An array in the file's unit, such as reflectance, whose numbers may stay in the file.

    stored: the numbers, as they lie there.
    scale, offset: float64, with as many axes as `stored`, of one side along those where they are
        the same.
    nodata: the stored number of pixels that hold nothing, which becomes NaN; None: there is none.
    """

    stored: Values
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    nodata: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.stored.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 where that holds every stored number, else float64."""
        return np.result_type(self.stored.dtype.newbyteorder("="), np.float32)

    def __getitem__(self, key: Key, /) -> NDArray[Any]:
        """The part of these slices."""
        part = self.stored[key]
        whole = (*key, *(slice(None),) * (len(self.shape) - len(key)))
        own = tuple(
            slice(None) if side == 1 else one
            for one, side in zip(whole, self.scale.shape, strict=True)
        )
        values = (part * self.scale[own] + self.offset[own]).astype(self.dtype)
        if self.nodata is not None:
            values[is_nodata(part, self.nodata)] = np.nan
        return values

    def transpose(self, axes: Sequence[int], /) -> "Scaled":
        """The same array with its axes in another order."""
        return Scaled(
            self.stored.transpose(axes),
            self.scale.transpose(axes),
            self.offset.transpose(axes),
            self.nodata,
        )

    @property
    def told(self) -> str:
        """What is done to the numbers, in a sentence."""
        scales, offsets = np.unique(self.scale).tolist(), np.unique(self.offset).tolist()
        if len(scales) > 1 or len(offsets) > 1:
            return "the file's scales and offsets are applied, to each band its own"
        return f"the file's scale and offset are applied: number × {scales[0]:g} + {offsets[0]:g}"


def scaled(
    stored: Values, scale: ArrayLike, offset: ArrayLike, nodata: float | None, axis: int = 0
) -> Values:
    """`stored` in the file's unit; `stored` itself where that is the number's own.

    scale, offset: one number, or one for each of the bands, along `axis`.
    nodata: the stored number of pixels that hold nothing.
    """
    ones, zeros = np.asarray(scale, np.float64), np.asarray(offset, np.float64)
    if not stored.shape or ((ones == 1).all() and not zeros.any()):
        return stored
    bands = [1] * len(stored.shape)
    bands[axis] = max(ones.size, zeros.size)
    ones, zeros = (np.broadcast_to(one, bands[axis]).reshape(bands) for one in (ones, zeros))
    return Scaled(stored, ones, zeros, nodata)


def as_stored(values: Values) -> Values:
    """The numbers as they lie in the file: those of a label map are names, whatever its scale."""
    return values.stored if isinstance(values, Scaled) else values


def is_nodata(values: NDArray[Any], nodata: float) -> NDArray[np.bool_]:
    """Which of a scene's, or a label map's, values are the one that stands for nothing."""
    if np.isnan(nodata):
        return np.isnan(values)
    with np.errstate(over="ignore"):  # -1.8e308 is the value of many files of float32
        wanted = values.dtype.type(nodata) if values.dtype.kind == "f" else np.float64(nodata)
    return np.asarray(values == wanted)
