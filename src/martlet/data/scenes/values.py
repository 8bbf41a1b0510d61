"""Arrays that may stay in their file, and the sentences for files that are cut short or damaged."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError, shortened

Key = tuple[slice, ...]


class Values(Protocol):
    """What a NumPy array and an array in a file have in common."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __getitem__(self, key: Key, /) -> NDArray[Any]: ...

    def transpose(self, axes: Sequence[int], /) -> "Values": ...


@dataclass(frozen=True)
class OnDemand:
    """An array that stays in its file, which is opened anew for each part that is read.

    So no more memory is taken than the part has, no file is held open, and it goes to other
    processes as its path. Read large parts: each costs the opening of the file.

    file_shape: sides along the axes as they are in the file.
    read: (one slice with start and stop for each of the file's axes) -> that part.
    axes: which of the file's axes each of this array's is.
    """

    file_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[Key], NDArray[Any]]
    axes: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.file_shape[axis] for axis in self.axes)

    def __getitem__(self, key: Key, /) -> NDArray[Any]:
        """The part of these slices; what has no slice is whole. Steps are not taken."""
        whole = [slice(0, size) for size in self.file_shape]
        for axis, part in zip(self.axes, key, strict=False):
            start, stop, step = part.indices(self.file_shape[axis])
            if step != 1:
                raise IndexError("an array in a file is read without steps")
            whole[axis] = slice(start, max(start, stop))
        if any(part.start == part.stop for part in whole):
            empty = np.empty([part.stop - part.start for part in whole], self.dtype)
            return empty.transpose(self.axes)
        return self.read(tuple(whole)).transpose(self.axes)

    def transpose(self, axes: Sequence[int], /) -> "OnDemand":
        """The same array with its axes in another order."""
        return OnDemand(
            self.file_shape, self.dtype, self.read, tuple(self.axes[axis] for axis in axes)
        )


def mapped_part(
    path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int, order: Any, key: Key
) -> NDArray[Any]:
    """One part of an array that lies in a file as in memory, from byte `offset` on.

    order: "C" or "F". Raises MartletError when the file has become shorter.
    """
    try:
        check_bytes(path, offset + prod(shape) * dtype.itemsize)
        whole = np.memmap(path, dtype, "r", offset, shape, order)
        return np.array(whole[key])
    except OSError as error:
        raise damaged(path, error) from error


def check_bytes(path: Path, expected: int, *, at_least: str = "") -> None:
    """Raises MartletError when a file has fewer bytes than `expected`.

    at_least: "at least " where more than those may belong to it.
    """
    there = os.stat(path).st_size
    if there < expected:
        raise MartletError(
            f"file {str(path)!r} is cut short: {there:,} of {at_least}{expected:,} bytes are "
            "there; copy or download it anew."
        )


def damaged(path: Path, error: BaseException) -> MartletError:
    """The sentence for a file that its library could not read."""
    reason = shortened(str(error), 200) or type(error).__name__
    return MartletError(f"file {str(path)!r} cannot be read ({reason}); it may be damaged.")


def library(name: str) -> Any:
    """A module of the libraries that read scenes. Raises MartletError where it is missing."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise MartletError(
            f"this file is read by {name.partition('.')[0]}, which is not installed: "
            'pip install "martlet[scenes]".'
        ) from error
