"""The 1,797 scanned digits that come with scikit-learn, as a folder of picture files."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from martlet.storage.staging import staging


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
    for digit in range(10):
        with staging(folder / str(digit)) as inside:
            for number in np.flatnonzero(digits.target == digit):
                stream = io.BytesIO()
                Image.fromarray(pictures[number]).save(stream, "PNG")
                path = folder / str(digit) / f"{number:04d}.png"
                if not path.is_file() or path.read_bytes() != stream.getvalue():
                    (inside / path.name).write_bytes(stream.getvalue())
    return folder
