"""The 1,797 scanned digits that come with scikit-learn, as a folder of picture files."""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

from martlet.errors import MartletError


def write_digits(folder: str | Path) -> Path:
    """Write `<folder>/<digit>/NNNN.png`: 8x8 pixels, 8-bit gray, NNNN the number in the set.

    Source: UCI "Optical Recognition of Handwritten Digits", test set, 10 classes. Its values 0..16
    are scaled to 0..255. Files that are there with the same content are left alone, so that a
    pixel cache made from them stays valid. Returns `folder`. Raises MartletError when a file
    cannot be written.
    """
    from sklearn.datasets import load_digits

    folder = Path(folder)
    digits = load_digits()
    pictures = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    try:
        for digit in range(10):
            (folder / str(digit)).mkdir(parents=True, exist_ok=True)
        for number, (pixels, digit) in enumerate(zip(pictures, digits.target, strict=True)):
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, "PNG")
            _write_changed(folder / str(digit) / f"{number:04d}.png", stream.getvalue())
    except OSError as error:
        raise MartletError(
            f"the digits cannot be written to {str(folder)!r} ({error.strerror or error})."
        ) from error
    return folder


def _write_changed(path: Path, content: bytes) -> None:
    """Without an fsync for each of the small files: a broken one is found and written again."""
    if path.is_file() and path.read_bytes() == content:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    os.replace(temporary, path)
