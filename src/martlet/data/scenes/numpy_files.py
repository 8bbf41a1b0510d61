"""Arrays of NumPy: .npy, which stays in the file, and .npz, which is unpacked. No pickles."""

import zipfile
from functools import partial
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from martlet.data.scenes.contents import Contents, StoredArray, type_of
from martlet.data.scenes.values import OnDemand, check_bytes, damaged, mapped_part
from martlet.data.scenes.wavelengths import wavelengths_of
from martlet.errors import MartletError, quoted
from martlet.memory import require_memory

Header = tuple[tuple[int, ...], bool, np.dtype[Any]]  # shape, columns first in memory, type


def npy_contents(path: Path) -> Contents:
    """The one array of a .npy file, by its header. Raises MartletError."""
    try:
        with path.open("rb") as file:
            shape, fortran, dtype = _header(file)
            offset = file.tell()
    except Exception as error:  # a damaged header raises what it likes
        raise damaged(path, error) from error
    what, numbers = type_of(dtype)
    if numbers:
        check_bytes(path, offset + prod(shape) * dtype.itemsize)
    read = partial(mapped_part, path, dtype, shape, offset, "F" if fortran else "C")
    values = OnDemand(shape, dtype, read, tuple(range(len(shape))))
    return Contents(path, (StoredArray(path.stem, shape, what, numbers, lambda: values),))


def npz_contents(path: Path) -> Contents:
    """The arrays of a .npz file, by their headers. Raises MartletError."""
    if not zipfile.is_zipfile(path):  # the list of what is inside stands at the end
        raise MartletError(
            f"file {str(path)!r} is cut short or no .npz file: the end of the archive is missing "
            f"({path.stat().st_size:,} bytes are there); copy or download it anew."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = [
                _member(path, archive, member)
                for member in archive.infolist()
                if member.filename.endswith(".npy")
            ]
    except MartletError:
        raise
    except Exception as error:
        raise damaged(path, error) from error
    return Contents(path, tuple(arrays), wavelengths=wavelengths_of(arrays))


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> StoredArray:
    with archive.open(member) as file:
        shape, _, dtype = _header(file)
        size = prod(shape) * dtype.itemsize
        expected = file.tell() + size
    name = member.filename.removesuffix(".npy")
    what, numbers = type_of(dtype)
    if numbers and member.file_size < expected:
        raise MartletError(
            f"array {quoted(name)} of file {str(path)!r} is cut short: {member.file_size:,} of "
            f"{expected:,} bytes are there; write the file anew."
        )
    return StoredArray(name, shape, what, numbers, partial(_unpacked, path, member.filename, size))


def _header(file: IO[bytes]) -> Header:
    """Of the array that begins here; the file stands at its values then."""
    version = npy.read_magic(file)
    if version == (1, 0):
        return npy.read_array_header_1_0(file)
    if version == (2, 0):
        return npy.read_array_header_2_0(file)
    raise ValueError(f"version {version[0]}.{version[1]} of .npy is for records, not numbers")


def _unpacked(path: Path, member: str, size: int) -> NDArray[Any]:
    """A whole array of `size` bytes."""
    require_memory(
        size, f"array {quoted(member.removesuffix('.npy'))} of {str(path)!r}", "save it as .npy"
    )
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            values: NDArray[Any] = npy.read_array(file, allow_pickle=False)
            return values
    except Exception as error:
        raise damaged(path, error) from error
