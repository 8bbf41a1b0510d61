"""GeoTIFF through rasterio: windows of a file that stays on the disk."""

import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.scenes.contents import Contents, Georeference, StoredArray, type_of
from martlet.data.scenes.scaled import scaled
from martlet.data.scenes.values import Key, OnDemand, check_bytes, damaged, library
from martlet.data.scenes.wavelengths import in_nm
from martlet.errors import MartletError

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # in both byte orders; with + for BigTIFF


@contextmanager
def opened(path: Path, driver: str = "GTiff", page: int | None = None) -> Iterator[Any]:
    """A rasterio dataset; every error in it, and in reading from it, is a MartletError."""
    rasterio = library("rasterio")
    name = str(path.absolute())
    name = name if page is None else f"GTIFF_DIR:{page}:{name}"
    try:
        with _unwarned(rasterio):
            dataset = rasterio.open(name, driver=driver)
        with dataset:
            yield dataset
    except MartletError:
        raise
    except Exception as error:
        raise damaged(path, error.__cause__ or error) from error


@contextmanager
def _unwarned(rasterio: Any) -> Iterator[None]:
    """A scene without coordinates is one, too; rasterio's own use of affine is its own.

    Nor is it said that rasterio could not decode what GDAL says of a damaged file.
    """
    hooks = sys.excepthook, sys.unraisablehook

    def raised(kind: Any, error: Any, trace: Any) -> None:
        if not isinstance(error, UnicodeDecodeError):
            hooks[0](kind, error, trace)

    def ignored(what: Any) -> None:
        if not isinstance(what.exc_value, UnicodeDecodeError):
            hooks[1](what)

    sys.excepthook, sys.unraisablehook = raised, ignored
    try:
        with warnings.catch_warnings():
            for category in (rasterio.errors.NotGeoreferencedWarning, PendingDeprecationWarning):
                warnings.simplefilter("ignore", category)
            yield
    finally:
        sys.excepthook, sys.unraisablehook = hooks


def geotiff_contents(path: Path) -> Contents:
    """The pages of a TIFF file, as a rule one: rows, columns, bands each. Raises MartletError."""
    _check_directory(path)
    with opened(path) as dataset:
        pages = max(1, len(dataset.subdatasets))
        if pages == 1:
            _check_last_block(path, dataset)
            return Contents(
                path,
                (_stored(path, path.name, None, dataset),),
                axes_known=True,
                wavelengths=_wavelengths(dataset),
                band_names=_band_names(dataset),
                georeference=georeference(dataset),
                colours=_colours(dataset),
            )
    arrays = []
    for page in range(1, pages + 1):
        with opened(path, page=page) as dataset:
            arrays.append(_stored(path, str(page), page, dataset))
    return Contents(path, tuple(arrays), axes_known=True)


def georeference(dataset: Any) -> Georeference | None:
    """What GDAL knows of a dataset's coordinates."""
    crs = dataset.crs.to_wkt() if dataset.crs else None
    transform = None if dataset.transform.is_identity else tuple(dataset.transform)[:6]
    if crs is None and transform is None:
        return None
    return Georeference(crs, transform)


def _stored(path: Path, name: str, page: int | None, dataset: Any) -> StoredArray:
    types = {np.dtype(name) for name in dataset.dtypes}
    dtype, nodata = np.result_type(*types), dataset.nodata
    masked = _is_masked(dataset)
    if masked:  # what is hidden is NaN
        dtype, nodata = np.result_type(dtype, np.float32), np.nan if nodata is None else nodata
    shape = (dataset.count, dataset.height, dataset.width)
    stored = OnDemand(shape, dtype, partial(_window, path, page, masked), (1, 2, 0))
    nodata = None if nodata is None else float(nodata)
    values = scaled(stored, dataset.scales, dataset.offsets, nodata, axis=2)
    what, numbers = type_of(dtype)
    return StoredArray(name, values.shape, what, numbers, lambda: values, nodata)


def _is_masked(dataset: Any) -> bool:
    """Whether the file has a mask. A fourth band is called alpha by many programs, whatever it is:
    it stays a band."""
    flags = {flag.name for band in dataset.mask_flag_enums for flag in band}
    return "per_dataset" in flags and "alpha" not in flags


def _window(path: Path, page: int | None, masked: bool, key: Key) -> NDArray[Any]:
    bands, *sides = key
    window = tuple((side.start, side.stop) for side in sides)
    with opened(path, page=page) as dataset:
        part: NDArray[Any] = dataset.read(
            list(range(bands.start + 1, bands.stop + 1)), window=window
        )
        if masked:
            part = part.astype(np.result_type(part, np.float32))
            part[:, dataset.dataset_mask(window=window) == 0] = np.nan
        return part


def _check_directory(path: Path) -> None:
    """Raises MartletError when the file ends before its directory, which is often written last.

    TIFF, revision 6.0, section 2; BigTIFF has 8 bytes for an address.
    """
    head_bytes = 16
    with path.open("rb") as file:
        head = file.read(head_bytes)
    order = "<" if head[:2] == b"II" else ">"
    big = b"+" in head[2:4]
    check_bytes(path, head_bytes if big else 8, at_least="at least ")
    (directory,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", head, 8 if big else 4)
    check_bytes(path, directory + 2, at_least="at least ")


def _check_last_block(path: Path, dataset: Any) -> None:
    """As above, for the values that stand last, where the directory stands in front."""
    rows, columns = dataset.block_shapes[-1]
    last = f"{(dataset.width - 1) // columns}_{(dataset.height - 1) // rows}"
    found = [
        dataset.get_tag_item(f"BLOCK_{what}_{last}", "TIFF", bidx=dataset.count)
        for what in ("OFFSET", "SIZE")
    ]
    if all(found):
        check_bytes(path, sum(map(int, found)), at_least="at least ")


def _wavelengths(dataset: Any) -> tuple[float, ...] | None:
    """Of each band's tags, as GDAL copies them from ENVI, or as its IMAGERY domain has them."""
    found: list[float] = []
    units = set()
    for band in range(1, dataset.count + 1):
        tags = {key.lower(): value for key, value in dataset.tags(band).items()}
        imagery = dataset.tags(band, ns="IMAGERY").get("CENTRAL_WAVELENGTH_UM")
        unit = "um" if imagery else tags.get("wavelength_units", "")
        try:
            found.append(float(imagery or tags["wavelength"]))
        except (KeyError, ValueError):
            return None
        units.add(unit)
    return in_nm(found, units.pop()) if len(units) == 1 else None


def _band_names(dataset: Any) -> tuple[str, ...] | None:
    names = [name or "" for name in dataset.descriptions]
    return tuple(names) if any(names) else None


def _colours(dataset: Any) -> dict[int, tuple[int, int, int]]:
    try:
        return {value: tuple(colour[:3]) for value, colour in dataset.colormap(1).items()}
    except ValueError:  # there is none
        return {}


@contextmanager
def opened_to_write(
    path: Path, values: NDArray[Any], place: Georeference, nodata: float | None
) -> Iterator[Any]:
    """A new GeoTIFF of one band (rows, columns), for more to be said of it."""
    rasterio = library("rasterio")
    known: dict[str, Any] = {} if place.crs is None else {"crs": place.crs}
    if place.transform is not None:
        known["transform"] = rasterio.Affine(*place.transform)
    rows, columns = values.shape
    known |= {"height": rows, "width": columns, "dtype": values.dtype, "nodata": nodata}
    try:
        with _unwarned(rasterio):
            dataset = rasterio.open(path, "w", "GTiff", count=1, compress="deflate", **known)
        with dataset:
            dataset.write(values, 1)
            yield dataset
    except MartletError:
        raise
    except Exception as error:
        raise MartletError(f"{path} could not be written ({error}).") from error
