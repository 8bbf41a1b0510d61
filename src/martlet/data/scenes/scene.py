"""A hyperspectral scene: rows × columns of spectra, read from a file block by block."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.scenes.choose import axis_of_bands, scene_array
from martlet.data.scenes.contents import Georeference
from martlet.data.scenes.formats import read_contents
from martlet.data.scenes.scaled import Scaled
from martlet.data.scenes.values import Values
from martlet.errors import MartletError

BLOCK_VALUES = 1 << 23  # of a scene, read at once


@dataclass(frozen=True, eq=False)
class Scene:
    """Values of the bands of each pixel, and what the file says of them.

    values: (rows, columns, bands); an array, or what reads one from its file when it is indexed
        with slices. In the file's unit, where it names a scale and an offset.
    wavelengths: of the bands' centres in nm; None where the file has none.
    band_names: None where the file has none.
    bad_bands: numbers, from 0, of the bands that the file marks as not to be used.
    nodata: the value of pixels that hold nothing; None where the file names none.
    georeference: None for a scene without coordinates.
    scaled: a sentence about the scale and offset that are applied; "" for none.
    """

    path: Path
    values: Values
    wavelengths: tuple[float, ...] | None = None
    band_names: tuple[str, ...] | None = None
    bad_bands: tuple[int, ...] = ()
    nodata: float | None = None
    georeference: Georeference | None = None
    scaled: str = ""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, bands."""
        rows, columns, bands = self.values.shape
        return rows, columns, bands

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of `block`: the file's own, in this machine's byte order; floats where it is scaled."""
        return self.values.dtype.newbyteorder("=")

    def strips(self, first: int = 0, last: int | None = None) -> Iterator[slice]:
        """Rows `first` to `last`, a few at a time: what `block` reads of them fits into memory."""
        rows, columns, bands = self.shape
        last = rows if last is None else last
        at_once = max(1, BLOCK_VALUES // (columns * bands))
        return (slice(start, min(start + at_once, last)) for start in range(first, last, at_once))

    def block(self, rows: slice, columns: slice) -> NDArray[Any]:
        """The pixels of some rows and columns: (rows, columns, bands), a copy of its own.

        Slices are read as NumPy reads them, without steps; what lies beyond the scene is left out.
        Raises MartletError when the file cannot be read there.
        """
        return np.array(self.values[rows, columns], self.dtype, order="C")


def read_scene(
    path: str | Path,
    *,
    array: str | None = None,
    bands_axis: int | None = None,
    rows_columns: tuple[int, int] | None = None,
) -> Scene:
    """The scene in a MATLAB, NumPy, ENVI, GeoTIFF or HDF5 file; only what must be is read at once.

    array: name of the array; needed where several could be meant.
    bands_axis: 0, 1 or 2; needed where the format does not say it and the shape leaves it open.
    rows_columns: shape of the label map, if there is one, which may settle the order of the axes.
    Raises MartletError for a file that cannot be read or is not clear.
    """
    contents = read_contents(path)
    stored = scene_array(contents, array)
    axis = axis_of_bands(contents, stored, bands_axis, rows_columns)
    values = stored.open()
    if values.shape != stored.shape:
        raise MartletError(f"array {stored} of file {str(path)!r} has shape {values.shape}.")
    values = values.transpose((*(other for other in range(3) if other != axis), axis))
    bands = values.shape[2]
    wavelengths, is_scaled = contents.wavelengths, isinstance(values, Scaled)
    return Scene(
        path=contents.path,
        values=values,
        wavelengths=wavelengths if wavelengths and len(wavelengths) == bands else None,
        band_names=contents.band_names,
        bad_bands=contents.bad_bands,
        nodata=float("nan") if is_scaled else stored.nodata,
        georeference=contents.georeference,
        scaled=values.told if isinstance(values, Scaled) else "",
    )
