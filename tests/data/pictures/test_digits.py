from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from martlet.data.pictures.decode import decode
from martlet.data.pictures.digits import write_digits
from martlet.data.pictures.read import scan
from martlet.errors import MartletError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("digits") / "new" / "folder")


def test_pixels_and_classes_are_scikit_learns(folder: Path) -> None:
    listing, digits = scan(folder), load_digits()
    assert listing.classes == tuple("0123456789")
    assert (len(listing.pictures), listing.ignored) == (1797, ())
    for number in range(0, 1797, 50):
        image = decode(folder / str(digits.target[number]) / f"{number:04d}.png")
        values = np.asarray(image)[..., 0] * (16 / 255)
        np.testing.assert_allclose(values, digits.images[number], atol=0.04)


def test_written_once_and_mended(folder: Path) -> None:
    first, second = folder / "0" / "0000.png", folder / "1" / "0001.png"
    content, before = first.read_bytes(), second.stat().st_mtime_ns
    first.write_bytes(content[:20])
    assert write_digits(folder) == folder
    assert first.read_bytes() == content
    assert second.stat().st_mtime_ns == before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MartletError, match="could not be written"):
        write_digits(tmp_path / "file")
