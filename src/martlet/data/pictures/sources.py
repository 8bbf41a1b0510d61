"""What `predict` is given: files, folders, lists, patterns, and pictures in memory."""

import glob
import os
import re
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from martlet.data.pictures.content import left_behind
from martlet.data.pictures.decode import BadPicture, decode, decode_bytes, reasons, upright_rgb
from martlet.data.pictures.list_file import Columns, is_list, listed_paths
from martlet.data.pictures.read import Walk
from martlet.errors import MartletError

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+:)/+")  # not the letter of a drive
_ACCEPTED = (
    "a path, a PIL picture, a uint8 array (H, W, 3) or (H, W), or a file opened for reading bytes"
)
# One picture in memory may be given several times, and threads would read its file at once. Each
# object has one of these locks, and shares it with few others.
_LOCKS = tuple(threading.Lock() for _ in range(61))  # a prime: addresses are multiples of 16


def find_sources(given: Sequence[Any], columns: Columns | None = None) -> list[Any]:
    """One source for each picture: the files among `given`, all pictures at any depth of the
    folders among them, what a list names, what matches a pattern such as `*.jpg`, standard input
    for `-`, and pictures in memory as they are; in order.

    columns: which of a list are meant.

    Raises MartletError for a folder without a picture, a pattern that matches nothing, an address
    on the net, and for what is no picture of any kind; a file is not looked at.
    """
    found: list[Any] = []
    for source in given:
        if isinstance(source, (str, Path)) and is_list(Path(source)):
            found += listed_paths(Path(source), columns or Columns())
        elif isinstance(source, (str, Path)):
            found += _files(Path(source))
        elif isinstance(source, (Image.Image, np.ndarray)) or hasattr(source, "read"):
            found.append(source)
        else:
            raise _not_accepted(source)
    return found


def image_of(source: Any) -> Image.Image:
    """The picture of a source that `find_sources` lists: RGB, upright.

    Raises BadPicture when there is none, and MartletError for what `find_sources` does not list.
    May be called by several threads, for the same source too.
    """
    if isinstance(source, (str, Path)):
        return decode(source)
    if isinstance(source, np.ndarray):
        return _image_of_array(source)
    if not isinstance(source, Image.Image) and not hasattr(source, "read"):
        raise _not_accepted(source)
    name = name_of(source)
    if isinstance(source, Image.Image):
        with _LOCKS[id(source) % len(_LOCKS)], reasons(name):
            source.load()  # a file that was opened is only read now
            return upright_rgb(source)
    try:
        content = source.read()
    except (OSError, ValueError) as error:  # ValueError: it was closed
        raise BadPicture(name, f"cannot be read ({error})") from error
    if not isinstance(content, bytes):
        raise BadPicture(name, "is not open for reading bytes; open it with mode 'rb'")
    return decode_bytes(content, name)


def name_of(source: Any, otherwise: str = "the picture") -> str:
    """A path as text; the file name of a picture in memory, where it has one."""
    if isinstance(source, (str, Path)):
        return str(source)
    name = getattr(source, "filename", None) or getattr(source, "name", None)
    return name if isinstance(name, str) and name else otherwise


def _files(path: Path) -> list[Any]:
    text = str(path)
    if os.path.isdir(path):  # Path's own raises for a name that is too long, or not to be looked at
        inside = _inside(path)
        if not inside:
            raise MartletError(f"folder {text!r} holds no pictures.")
        return list(inside)
    if os.path.lexists(path):
        return [path]
    if text == "-":
        if sys.stdin.isatty():
            raise MartletError("'-' is standard input, and no picture is piped into it.")
        return [sys.stdin.buffer]
    if found := _ADDRESS.match(text):
        address = f"{found[1]}//{text[found.end() :]}"  # a Path has one slash of the two
        raise MartletError(
            f"{address!r} is an address on the net, and nothing is downloaded; fetch it first, for "
            "example with curl -LO, and give the file."
        )
    if glob.has_magic(text):  # a shell leaves a pattern in quotes, or one that matches nothing
        return _matches(text)
    return [path]  # its answer will say that it is missing


def _matches(pattern: str) -> list[Any]:
    """What matches, with the pictures below the folders that match; each once.

    As in a folder, what other programs left behind is left out, unless the pattern names it.
    """
    named = Path(pattern).parts
    matches = [
        Path(match)
        for match in sorted(glob.glob(pattern, recursive=True))
        if not any(left_behind(part) and part not in named for part in _plain(Path(match)))
    ]
    if not matches:
        raise MartletError(f"no file matches {pattern!r}.")
    found: dict[Any, None] = {}
    for match in matches:
        if os.path.isdir(match):
            found |= dict.fromkeys(_inside(match))
        else:
            found[match] = None
    if not found:
        raise MartletError(f"{pattern!r} matches folders alone, and they hold no pictures.")
    return list(found)


def _plain(path: Path) -> list[str]:
    """The parts that are not hidden: a pattern matches those only where it has their dot."""
    return [part for part in path.parts if not part.startswith(".")]


def _inside(folder: Path) -> list[Path]:
    return [folder / name for name in Walk(os.fspath(folder)).pictures("")]


def _not_accepted(source: Any) -> MartletError:
    return MartletError(f"pictures: {type(source).__name__} is not accepted; give {_ACCEPTED}.")


def _image_of_array(pixels: NDArray[Any]) -> Image.Image:
    shape = pixels.shape
    gray = pixels.ndim == 2 or (pixels.ndim == 3 and shape[2] == 1)
    if pixels.dtype != np.uint8 or 0 in shape or not (gray or shape[2:] in ((3,), (4,))):
        raise MartletError(
            f"an array of {pixels.dtype} and shape {shape} is not accepted; give uint8 of shape "
            "(H, W, 3), (H, W, 4) or (H, W), RGB and 0 to 255."
        )
    plain = np.ascontiguousarray(pixels.reshape(shape[:2]) if gray else pixels)
    return upright_rgb(Image.fromarray(plain))
