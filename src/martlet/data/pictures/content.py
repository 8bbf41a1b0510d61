"""What is a picture and what is not: by a file's name, and by its first bytes."""

import importlib.util
import re

from PIL import features

# What is inside is told by the content when a file is decoded; these are worth opening.
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif"),
    *(".heic", ".heif", ".hif"),  # not read, but said so: a phone's pictures are not lost silently
)
HEAD_BYTES = 132

# Left behind by systems and programs, in small letters: thumbnails, waste bins, notes. Copies of
# pictures in them would be classes of their own, or held out and trained on at once.
_LEFT_BEHIND = frozenset(
    (
        *("@eadir", "@tmp", "#recycle", "#snapshot"),  # Synology
        *("@recycle", "@recently-snapshot"),  # QNAP
        *("$recycle.bin", "system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini"),
        *("__macosx", "network trash folder", "temporary items"),
        *("lost+found", "lost.dir", "__pycache__"),
    )
)

_PICTURES = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|II\*\0|MM\0\*|BM.{4}\0{4}|P[1-6]\s"
    rb"|\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"
    rb"|....ftyp(?:avi[fs]|hei[cfmsx]|hev[cmsx]|mif1|msf1)",
    re.DOTALL,
)
_CONVERT = "convert it to JPEG, for example with ImageMagick: magick mogrify -format jpg FILE"
DAMAGED = "is damaged"
_OLD_PILLOW = "is an AVIF picture, which Pillow reads from 11.3 on; update it"
_OTHERS = (  # first bytes, and what a file is that has them
    (
        rb"....ftyp(?!avi[fs])(?=.{0,24}(?:hei[cfmsx]|hev[cmsx]|mif1|msf1))(?!.{0,24}avi[fs])",
        f"is a HEIC picture, which is not read; {_CONVERT} (an iPhone takes JPEG with Settings, "
        "Camera, Formats, Most Compatible)",
    ),
    (rb"....ftyp.{0,24}avi[fs]", _OLD_PILLOW),
    (rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI ", "is a video; take pictures out of it first"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", f"is a JPEG XL picture, which is not read; {_CONVERT}"),
    (rb"8BPS", f"is a Photoshop file, which is not read; {_CONVERT}"),
    (rb"v/1\x01", f"is an OpenEXR picture, which is not read; {_CONVERT}"),
    (rb".{128}DICM", "is a DICOM file, which is not read; write its values to a PNG file"),
    (rb"%PDF", "is a PDF, no picture"),
    (rb"\0\x05\x16\x07", "holds macOS's notes on another file, no picture; it can be removed"),
    (rb"version https://git-lfs", "is a pointer of Git LFS, no picture; run git lfs pull"),
    (rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!", "is an archive, no picture; unpack it"),
    (rb"\s*(?:<\?xml.*)?<svg", "is an SVG drawing, which is not read; write it as PNG"),
    (rb"\s*(?i:<!doctype html|<html)", "is a web page, no picture; download the picture anew"),
)
_OTHER = [(re.compile(start, re.DOTALL), told) for start, told in _OTHERS]


def left_behind(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or left by a program beside the pictures."""
    return name.startswith(".") or name.casefold() in _LEFT_BEHIND


def looks_like_picture(head: bytes) -> bool:
    """Whether a file that starts with `head`, up to HEAD_BYTES, is worth decoding."""
    return _PICTURES.match(head) is not None


def other_content(head: bytes) -> str | None:
    """What a file that is not read as a picture is, and the remedy: the end of a sentence.

    `DAMAGED` for an AVIF picture where Pillow reads them: it would have, had it been whole.
    """
    what = next((told for start, told in _OTHER if start.match(head)), None)
    # Before 11.3 Pillow warns of a feature that it does not know.
    if (
        what == _OLD_PILLOW
        and importlib.util.find_spec("PIL.AvifImagePlugin")
        and features.check("avif")
    ):
        return DAMAGED
    return what
