"""One file with a picture in it -> upright RGB, or a sentence that says what is wrong with it."""

import io
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from martlet.data.pictures.content import DAMAGED, HEAD_BYTES, other_content
from martlet.errors import MartletError

# Only these decoders are ever tried: others start outside programs or are rarely looked after.
FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")
if find_spec("PIL.AvifImagePlugin"):  # from Pillow 11.3 on
    FORMATS = (*FORMATS, "AVIF")
LARGEST_PIXELS = 178_956_970  # where Pillow itself refuses: half a gigabyte as RGB
LARGEST_BYTES = 1 << 30
_ORIENTATION = 0x0112  # EXIF tag; its values 2..8 say how to turn the picture upright
# ImageOps.exif_transpose also writes the tags anew, and fails where another one is damaged.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadPicture(MartletError):  # noqa: N818, a file is bad, not the program
    """A file that cannot be read as a picture: `path`, and `reason` as part of a sentence."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path!r} {self.reason}."


class _Decoding(threading.local):
    """Stands where a warning filter has its module pattern: matches in a decoding thread only.

    Pillow warns about odd EXIF blocks and large pictures. `warnings.catch_warnings` swaps a list
    that all threads share, so it cannot be used around one call in one of many threads.
    """

    active = False

    def match(self, module: str) -> bool:
        return self.active


_decoding = _Decoding()
_quiet: Any = ("ignore", None, Warning, _decoding, 0)


def decode(path: str | Path) -> Image.Image:
    """The picture in a file: mode RGB, upright, first frame, transparency over white.

    Raises BadPicture for everything that keeps it from being read, and for a picture above
    `LARGEST_PIXELS`, which is refused by its header.
    """
    return decode_bytes(read_bytes(path), os.fspath(path))


def read_bytes(path: str | Path) -> bytes:
    """Content of a regular file. Raises BadPicture for anything else: folder, pipe, broken link."""
    name = os.fspath(path)
    try:
        found = os.stat(name)
        if stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST_BYTES:
            with open(name, "rb") as file:
                return file.read()
    except OSError as error:
        raise BadPicture(name, f"cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # a null character in the name
        raise BadPicture(name, f"is not a file name ({error})") from error
    if not stat.S_ISREG(found.st_mode):
        raise BadPicture(name, "is not a regular file")
    raise BadPicture(name, f"has {found.st_size:,} bytes; up to {LARGEST_BYTES:,} are accepted")


def decode_bytes(content: bytes, name: str) -> Image.Image:
    """As `decode`, from the file's content; `name` is for the error."""
    if not content:
        raise BadPicture(name, "is empty (0 bytes)")
    with reasons(name, content), Image.open(io.BytesIO(content), formats=FORMATS) as image:
        if image.width * image.height > LARGEST_PIXELS:
            raise Image.DecompressionBombError
        image.load()
        return upright_rgb(image)


@contextmanager
def reasons(name: str, content: bytes = b"") -> Iterator[None]:
    """What goes wrong inside, while a picture is decoded, becomes a BadPicture with the reason."""
    filters: Any = warnings.filters
    if _quiet not in filters:
        filters.insert(0, _quiet)
    _decoding.active = True
    try:
        yield
    except Image.DecompressionBombError as error:
        raise BadPicture(
            name, f"declares more pixels than the {LARGEST_PIXELS:,} accepted"
        ) from error
    except UnidentifiedImageError as error:
        what = other_content(content[:HEAD_BYTES]) or "is not a picture in a known format"
        raise BadPicture(name, what) from error
    except MartletError as error:
        raise BadPicture(name, f"cannot be used: {str(error).rstrip('.')}") from error
    except MemoryError as error:
        raise BadPicture(name, "needs more memory than there is") from error
    except Exception as error:  # decoders meet hostile bytes with every kind of exception
        what = other_content(content[:HEAD_BYTES]) or DAMAGED
        detail = f" ({str(error) or type(error).__name__})" if what == DAMAGED else ""
        raise BadPicture(name, f"{what}{detail}") from error
    finally:
        _decoding.active = False


def upright_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow picture -> mode RGB, turned as its EXIF orientation says, on white.

    Raises MartletError for a picture whose values have no agreed scale.
    """
    turn = _UPRIGHT.get(_orientation(image))
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("LA") if image.mode == "La" else image
        coloured = image.convert("RGBA")
        white = Image.new("RGBA", coloured.size, "white")
        image = Image.alpha_composite(white, coloured)
    if image.mode != "RGB":
        image = image.convert("RGB")
    if turn is not None:
        image = image.transpose(turn)
        image.info = {}  # the tag came along, and would turn the picture again the next time
    return image


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a corrupt EXIF block says nothing about the pixels
        return 1


def _eight_bits(image: Image.Image) -> Image.Image:
    """More than 8 bits -> L. Pillow's own convert() would clip everything above 255 to white."""
    values = np.asarray(image)
    if image.mode == "F":
        if not (values.min() >= 0 and values.max() <= 1):  # also false for NaN
            raise MartletError("floating-point values outside 0..1 have no agreed scale")
        return Image.fromarray(np.rint(values * 255).astype(np.uint8))
    if values.min() < 0 or values.max() > 65535:
        raise MartletError("whole-number values outside 0..65535 have no agreed scale")
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
