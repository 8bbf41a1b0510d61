"""What a file of scenes or label maps holds, whichever its format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from martlet.data.scenes.values import Values
from martlet.errors import MartletError, quoted

Colour = tuple[int, int, int]  # red, green, blue of 0..255


@dataclass(frozen=True)
class Georeference:
    """Where a scene's pixels lie: what a GeoTIFF or an ENVI file needs for the same coordinates.

    crs: coordinate reference system as WKT; None where it is not known.
    transform: a, b, c, d, e, f with x = a·column + b·row + c and y = d·column + e·row + f at a
        pixel's upper left corner, as rasterio's Affine takes them; None where it is not known.
    envi: the fields of the ENVI header that say the same, as SPy reads and writes them.
    """

    crs: str | None = None
    transform: tuple[float, float, float, float, float, float] | None = None
    envi: Mapping[str, str | list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredArray:
    """One array of a file.

    shape: axes in the order of the program that wrote it.
    what: type of its values, such as "int16", or what it is in place of numbers, such as "text".
    numbers: whether its values are real numbers, or truth values ("bool").
    open: -> the values; reads all of them where the format leaves no other way.
    nodata: the stored number of pixels that hold nothing; None where the file names none.
    """

    name: str
    shape: tuple[int, ...]
    what: str
    numbers: bool
    open: Callable[[], Values]
    nodata: float | None = None

    @property
    def size(self) -> int:
        """Number of values."""
        return prod(self.shape)

    def __str__(self) -> str:
        return f"{quoted(self.name)} ({in_words(self.shape)}, {self.what})"


@dataclass(frozen=True)
class Contents:
    """The arrays of a file, and what it says of them.

    path: of the file that was given; an ENVI header and its data are one file here.
    axes_known: the format says which axes are rows, columns and bands: they are in this order.
    wavelengths: nm, as many as there are bands.
    bad_bands: those that the file marks as not to be used, counted from 0.
    class_names, colours: of label values.
    """

    path: Path
    arrays: tuple[StoredArray, ...]
    axes_known: bool = False
    wavelengths: tuple[float, ...] | None = None
    band_names: tuple[str, ...] | None = None
    bad_bands: tuple[int, ...] = ()
    georeference: Georeference | None = None
    class_names: Mapping[int, str] = field(default_factory=dict)
    colours: Mapping[int, Colour] = field(default_factory=dict)


def in_words(shape: tuple[int, ...]) -> str:
    """ "145×145×200"."""
    return "×".join(str(size) for size in shape) or "one value"


def type_of(dtype: np.dtype[Any]) -> tuple[str, bool]:
    """What a NumPy type is called in sentences, and whether it is of real numbers."""
    if dtype.kind in "biuf":
        return dtype.newbyteorder("=").name, True
    kinds = {"c": "complex", "O": "Python objects", "S": "text", "U": "text", "V": "records"}
    return kinds.get(dtype.kind, str(dtype)), False


def no_values(stored: StoredArray, path: Path) -> MartletError:
    """The sentence for an array that holds something other than real numbers."""
    ways = {
        "complex": "give its magnitude, or its real part",
        "Python objects": "these run code when they are read: save plain numbers in its place",
        "sparse": "write it with full(…)",
    }
    way = ways.get(stored.what, "whole or floating-point numbers are accepted")
    return MartletError(f"array {stored} of file {str(path)!r} is not read; {way}.")
