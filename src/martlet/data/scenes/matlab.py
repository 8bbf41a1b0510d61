"""MATLAB files up to version 7 through SciPy; version 7.3 is HDF5."""

import struct
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.mat_tags import check_tags
from martlet.data.scenes.contents import Contents, StoredArray, no_values
from martlet.data.scenes.values import check_bytes, damaged
from martlet.data.scenes.wavelengths import wavelengths_of
from martlet.errors import quoted
from martlet.memory import require_memory

# MATLAB's classes of numbers. In the file they may lie as a smaller type, which is what is read.
CLASSES = (
    *("double", "single", "logical", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
)
_HEADER_BYTES = 128
_TAG_BYTES = 8


def matlab_contents(path: Path) -> Contents:
    """The arrays of a MATLAB file of version 4 to 7, by their headers. Raises MartletError."""
    from scipy.io import whosmat

    _check_whole(path)
    check_tags(path.read_bytes(), str(path))
    try:
        found = whosmat(str(path), appendmat=False)
    except Exception as error:  # SciPy meets damaged bytes with every kind of exception
        raise damaged(path, error) from error
    arrays = [_stored(path, name, tuple(map(int, shape)), what) for name, shape, what in found]
    return Contents(path, tuple(arrays), wavelengths=wavelengths_of(arrays))


def _stored(path: Path, name: str, shape: tuple[int, ...], what: str) -> StoredArray:
    told = {"char": "text", "logical": "bool"}.get(what, what)
    read = partial(_loaded, path, name, shape, told)
    return StoredArray(name, shape, told, what in CLASSES, read)


def _check_whole(path: Path) -> None:
    """Raises MartletError when a file of version 5 ends within an array: each begins with its size.

    https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf, "Level 5".
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
        if order is None:  # version 4
            return
        end = _HEADER_BYTES
        while tag := file.read(_TAG_BYTES):
            end += _TAG_BYTES
            if len(tag) == _TAG_BYTES:
                end += struct.unpack(f"{order}II", tag)[1]
            check_bytes(path, end, at_least="at least ")
            file.seek(end)


def _loaded(path: Path, name: str, shape: tuple[int, ...], what: str) -> NDArray[Any]:
    """A whole array, in the type that it has in the file."""
    from scipy.io import loadmat

    require_memory(
        prod(shape), f"array {quoted(name)} of {str(path)!r}", "save it as .npy or as ENVI"
    )
    try:
        values = loadmat(str(path), appendmat=False, variable_names=[name])[name]
    except Exception as error:
        raise damaged(path, error) from error
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
        told = "complex" if np.iscomplexobj(values) else what
        raise no_values(StoredArray(name, shape, told, False, lambda: values), path)
    return values.astype(bool) if what == "bool" else values
