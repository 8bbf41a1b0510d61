"""What `predict` is given: files, folders, patterns, standard input, and pictures in memory."""

import glob
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from martlet.data.pictures.decode import BadPicture, decode, decode_bytes, reasons, upright_rgb
from martlet.data.pictures.read import Walk
from martlet.errors import MartletError

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/+")  # not the letter of a drive
_ACCEPTED = (
    "a path, a PIL picture, a uint8 array (H, W, 3) or (H, W), or a file opened for reading bytes"
)


def find_sources(given: Sequence[Any]) -> list[Any]:
    """One source for each picture: the files among `given`, all pictures at any depth of the
    folders among them, what matches a pattern such as `*.jpg`, standard input for `-`, and
    pictures in memory as they are; in order.

    Raises MartletError for a folder without a picture, a pattern that matches nothing, an address
    on the net, and for what is no picture of any kind; a file is not looked at.
    """
    found: list[Any] = []
    for source in given:
        if isinstance(source, (str, Path)):
            found += _files(Path(source))
        elif isinstance(source, (Image.Image, np.ndarray)) or hasattr(source, "read"):
            found.append(source)
        else:
            raise MartletError(
                f"pictures: {type(source).__name__} is not accepted; give {_ACCEPTED}."
            )
    return found


def image_of(source: Any) -> Image.Image:
    """The picture of a source that `find_sources` lists: RGB, upright. Raises BadPicture when there
    is none."""
    if isinstance(source, (str, Path)):
        return decode(source)
    if isinstance(source, np.ndarray):
        return _image_of_array(source)
    name = name_of(source)
    if isinstance(source, Image.Image):
        with reasons(name):
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
    if path.is_dir():
        inside = [path / name for name in Walk(os.fspath(path)).pictures("")]
        if not inside:
            raise MartletError(f"folder {text!r} holds no pictures.")
        return inside
    if os.path.lexists(path):
        return [path]
    if text == "-":
        if sys.stdin.isatty():
            raise MartletError("'-' is standard input, and no picture is piped into it.")
        return [sys.stdin.buffer]
    if _ADDRESS.match(text):
        raise MartletError(
            f"{text!r} is an address on the net, and nothing is downloaded; fetch it first, for "
            "example with curl -LO, and give the file."
        )
    if glob.has_magic(text):  # a shell leaves a pattern in quotes, or one that matches nothing
        matches = sorted(glob.glob(text, recursive=True))
        if not matches:
            raise MartletError(f"no file matches {text!r}.")
        return [file for match in matches for file in _files(Path(match))]
    return [path]  # its answer will say that it is missing


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
