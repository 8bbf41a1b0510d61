"""Size and EXIF orientation of pictures, from the first bytes of their files alone."""

import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image

from martlet.data.cache import cores
from martlet.data.pictures.content import HEAD_BYTES
from martlet.data.pictures.decode import FORMATS, LARGEST_PIXELS, BadPicture, reasons

_ORIENTATION = 0x0112  # EXIF's tag, and TIFF's
_WIDTH, _HEIGHT = 256, 257  # TIFF's tags
_ON_ITS_SIDE = (5, 6, 7, 8)
_PNG_TEXTS = (b"Raw profile type exif", b"XML:com.adobe.xmp")


class Header(NamedTuple):
    """Width and height as stored, and the EXIF orientation, 1 to 8 (1: upright)."""

    width: int
    height: int
    orientation: int

    @property
    def upright(self) -> tuple[int, int]:
        """(width, height) once it is turned as its orientation says."""
        if self.orientation in _ON_ITS_SIDE:
            return self.height, self.width
        return self.width, self.height


def read_headers(root: Path, names: Sequence[str]) -> Iterator[Header | BadPicture]:
    """The header of each picture below `root`, or why it cannot be read, in order."""
    with ThreadPoolExecutor(cores()) as pool:
        yield from pool.map(lambda name: _header_or_bad(root, name), names)


def _header_or_bad(root: Path, name: str) -> Header | BadPicture:
    try:
        return read_header(os.path.join(root, name), name)
    except BadPicture as bad:
        return bad


def read_header(path: str, name: str) -> Header:
    """Of one file; `name` is for the error. Raises BadPicture."""
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):  # a pipe would never end
            raise BadPicture(name, "is not a regular file")
        if not found.st_size:
            raise BadPicture(name, "is empty (0 bytes)")
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(0)
            with reasons(name, head), Image.open(file, formats=FORMATS) as image:
                if image.width * image.height > LARGEST_PIXELS:
                    raise Image.DecompressionBombError
                return _header(image, file)
    except OSError as error:
        raise BadPicture(name, f"cannot be read ({error.strerror or error})") from error


def _header(image: Image.Image, file: BinaryIO) -> Header:
    if image.format == "TIFF":  # Pillow's size is of the upright picture already
        tags = image.tag_v2  # type: ignore[attr-defined]
        return Header(int(tags[_WIDTH]), int(tags[_HEIGHT]), _known(tags.get(_ORIENTATION, 1)))
    width, height = image.size
    try:
        if image.format == "PNG" and not _behind_pixels(file):
            # PngImageFile's own would decode all pixels to look behind them.
            exif = Image.Image.getexif(image)
        else:
            exif = image.getexif()
        return Header(width, height, _known(exif.get(_ORIENTATION, 1)))
    except Exception:  # a corrupt EXIF block says nothing about the pixels
        return Header(width, height, 1)


def _known(orientation: object) -> int:
    number = int(orientation)  # type: ignore[call-overload]
    return number if 1 <= number <= 8 else 1


def _behind_pixels(file: BinaryIO) -> bool:
    """Whether a PNG file has EXIF or XMP behind its pixels; the chunks between are skipped."""
    at, seen = 8, False
    here = file.tell()
    try:
        while True:
            file.seek(at)
            head = file.read(8 + max(map(len, _PNG_TEXTS)))
            if len(head) < 8 or head[4:8] == b"IEND":
                return False
            seen = seen or head[4:8] == b"IDAT"
            if seen and (head[4:8] == b"eXIf" or head[8:].startswith(_PNG_TEXTS)):
                return True
            at += 12 + int.from_bytes(head[:4], "big")
    finally:
        file.seek(here)
