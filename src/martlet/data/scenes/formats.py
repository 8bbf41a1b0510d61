"""Which format a file of scenes or label maps has: by its content, where that says it."""

import re
from pathlib import Path

from martlet.data.scenes.contents import Contents
from martlet.data.scenes.envi import STARTS, envi_contents, header_beside
from martlet.data.scenes.geotiff import MAGIC as TIFF_MAGIC
from martlet.data.scenes.geotiff import geotiff_contents
from martlet.data.scenes.hdf5 import hdf5_contents, signature_offset
from martlet.data.scenes.matlab import matlab_contents
from martlet.data.scenes.numpy_files import npy_contents, npz_contents
from martlet.errors import MartletError

ACCEPTED = "MATLAB (.mat), NumPy (.npy, .npz), ENVI (.hdr and its data), GeoTIFF, HDF5"
_HEAD_BYTES = 132
_OTHERS = (  # first bytes, and what a file is that has them
    (rb"version https://git-lfs", "a pointer of Git LFS; run git lfs pull"),
    (rb"\s*(?i:<!doctype html|<html)", "a web page; download the file anew"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!", "an archive; unpack it"),
    (rb"\x80[\x02-\x05]", "a pickle, which would run code; save its arrays with numpy.save"),
    (rb"\xff\xd8\xff|\x89PNG|GIF8[79]a", "a picture; give a file that holds the values of bands"),
    (rb"\x0e\x03\x13\x01", "HDF4; convert it to GeoTIFF or HDF5"),
    (rb"CDF[\x01\x02\x05]", "NetCDF 3; convert it to NetCDF 4, which is HDF5"),
)


def read_contents(path: str | Path) -> Contents:
    """The arrays of a file and what it says of them, without their values.

    Raises MartletError for a file that is missing, cut short, damaged or of another format.
    """
    path = Path(path)
    if not path.is_file():
        what = "is no regular file" if path.exists() else "does not exist"
        raise MartletError(f"file {str(path)!r} {what}; give one of {ACCEPTED}.")
    try:
        return _contents(path)
    except OSError as error:
        raise MartletError(
            f"file {str(path)!r} cannot be read ({error.strerror or error})."
        ) from error


def _contents(path: Path) -> Contents:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(b"\x93NUMPY"):
        return npy_contents(path)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return npz_contents(path)
    if head[:4] in TIFF_MAGIC:
        return geotiff_contents(path)
    if head.startswith(STARTS) and path.suffix.lower() == ".hdr":
        return envi_contents(path, None, path)
    if signature_offset(path) is not None:
        return hdf5_contents(path)
    if head[124:128] in (b"\x00\x01IM", b"\x01\x00MI"):
        return matlab_contents(path)
    if (header := header_beside(path)) is not None:
        return envi_contents(header, path, path)
    if not head:
        raise MartletError(f"file {str(path)!r} is empty (0 bytes); copy or download it anew.")
    for start, told in _OTHERS:
        if re.match(start, head):
            raise MartletError(f"file {str(path)!r} is {told}; accepted: {ACCEPTED}.")
    if path.suffix.lower() == ".mat":  # version 4 has no mark
        return matlab_contents(path)
    beside = f"; ENVI data needs its header, such as {path.stem + '.hdr'!r}, beside it"
    raise MartletError(f"file {str(path)!r} has none of the formats {ACCEPTED}{beside}.")
