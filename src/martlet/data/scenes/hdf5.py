"""HDF5 through h5py: MATLAB's version 7.3, whose axes are reversed, and others as they are."""

import struct
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.scenes.contents import Contents, StoredArray, type_of
from martlet.data.scenes.scaled import scaled
from martlet.data.scenes.values import Key, OnDemand, Values, check_bytes, damaged, library
from martlet.data.scenes.wavelengths import wavelengths_of
from martlet.errors import MartletError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MATLAB = b"MATLAB 7.3"
_HIDDEN = ("#refs#", "#subsystem#")  # where MATLAB keeps the parts of cells and objects
_SUPERBLOCK_BYTES = 52  # as far as the end is named


def signature_offset(path: Path) -> int | None:
    """Where HDF5 begins, behind 0, 512, 1024, 2048, … bytes of another program; None: nowhere."""
    size = path.stat().st_size
    offset = 0
    with path.open("rb") as file:
        while offset < size:
            file.seek(offset)
            if file.read(len(SIGNATURE)) == SIGNATURE:
                return offset
            offset = max(512, offset * 2)
    return None


def hdf5_contents(path: Path) -> Contents:
    """The arrays of an HDF5 file, groups' too, by their headers. Raises MartletError."""
    h5py = library("h5py")
    _check_whole(path)
    try:
        with path.open("rb") as file:
            matlab = file.read(len(_MATLAB)) == _MATLAB
        arrays: list[StoredArray] = []
        with h5py.File(path, "r") as file:

            def look(name: str, found: Any) -> None:
                if isinstance(found, h5py.Dataset) and name.partition("/")[0] not in _HIDDEN:
                    arrays.append(_stored(path, name, found, matlab))

            file.visititems(look)
        return Contents(path, tuple(arrays), wavelengths=wavelengths_of(arrays))
    except MartletError:
        raise
    except Exception as error:  # a damaged file raises what it likes
        raise damaged(path, error) from error


def _stored(path: Path, name: str, found: Any, matlab: bool) -> StoredArray:
    attributes = found.attrs
    kind = attributes.get("MATLAB_class", b"")
    kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
    file_shape = tuple(map(int, found.shape or ()))
    dtype = np.dtype(bool) if kind == "logical" else found.dtype
    what, numbers = type_of(dtype)
    if kind in ("char", "cell"):
        what, numbers = {"char": "text"}.get(kind, kind), False
    elif set(dtype.names or ()) in ({"real", "imag"}, {"r", "i"}):
        what = "complex"
    elif what == "Python objects":  # nothing in HDF5 is run
        what = "references or text"
    if "MATLAB_empty" in attributes:
        file_shape = (0, 0)
    axes = tuple(range(len(file_shape)))
    axes = axes[::-1] if matlab or kind else axes
    plain = OnDemand(file_shape, dtype, partial(_part, path, name, dtype), axes)
    scale, offset, nodata = (
        _number(attributes, key) for key in ("scale_factor", "add_offset", "_FillValue")
    )
    values: Values = plain
    if numbers:
        values = scaled(plain, 1.0 if scale is None else scale, offset or 0.0, nodata)
    return StoredArray(name, plain.shape, what, numbers, lambda: values, nodata)


def _number(attributes: Any, key: str) -> float | None:
    """An attribute of the conventions for climate and forecast (CF, section 8.1), if it is one."""
    try:
        (found,) = np.ravel(attributes[key])
        return float(found)
    except (KeyError, TypeError, ValueError):
        return None


def _part(path: Path, name: str, dtype: np.dtype[Any], key: Key) -> NDArray[Any]:
    h5py = library("h5py")
    try:
        with h5py.File(path, "r") as file:
            part: NDArray[Any] = file[name][key]
            return part.astype(dtype, copy=False)
    except Exception as error:
        raise damaged(path, error) from error


def _check_whole(path: Path) -> None:
    """Raises MartletError when the file ends before the end that its superblock names.

    https://docs.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, "Disk Format: Level 0A".
    """
    offset = signature_offset(path) or 0
    with path.open("rb") as file:
        file.seek(offset)
        block = file.read(_SUPERBLOCK_BYTES)
    check_bytes(path, offset + _SUPERBLOCK_BYTES, at_least="at least ")
    version, new = block[8], block[8] >= 2
    if block[9 if new else 13] == 8 and version <= 3:  # bytes of an address
        (end,) = struct.unpack_from("<Q", block, 28 if new else 40 if version == 0 else 44)
        check_bytes(path, end)
