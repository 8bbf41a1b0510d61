"""Headers say the size that decoding gives, for every format and orientation."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image
from tests.boxed import picture

from martlet.data.boxes.sizes import Header, read_header, read_headers
from martlet.data.pictures.decode import BadPicture, decode


@pytest.mark.parametrize("orientation", [*range(1, 9), 0, 9])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "gif", "bmp", "ppm", "jp2"])
def test_every_format_and_orientation(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"exif": exif} if suffix in ("jpg", "png", "webp", "tif") else {}
    path = picture(tmp_path / f"a.{suffix}", (30, 20), **options)
    found = read_header(str(path), "a")
    assert found[:2] == (30, 20)
    assert found.upright == decode(path).size
    assert found.orientation == (orientation if options and 1 <= orientation <= 8 else 1)


@pytest.mark.parametrize("chunk", ["eXIf", "text"])
def test_metadata_behind_the_pixels_of_a_png(tmp_path: Path, chunk: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = picture(tmp_path / "a.png", (30, 20))
    kind, content = b"eXIf", exif.tobytes()[6:]
    if chunk == "text":
        kind = b"iTXt"
        content = b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="6"/>'
    made = struct.pack(">I", len(content)) + kind + content
    made += struct.pack(">I", zlib.crc32(kind + content))
    plain = path.read_bytes()
    end = plain.rindex(b"IEND") - 4
    path.write_bytes(plain[:end] + made + plain[end:])
    assert read_header(str(path), "a").upright == decode(path).size == (20, 30)


def test_what_is_no_picture_is_told_in_order(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", (3, 2))
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "c.jpg").write_bytes(b"<!doctype html>")
    (tmp_path / "d.jpg").mkdir()
    first, *others = read_headers(tmp_path, ["a.png", "b.png", "c.jpg", "d.jpg", "e.jpg"])
    assert first == Header(3, 2, 1)
    assert all(isinstance(bad, BadPicture) for bad in others)
    assert [str(bad).partition(" ")[0] for bad in others] == [
        f"'{name}'" for name in ("b.png", "c.jpg", "d.jpg", "e.jpg")
    ]
    assert "No such file" in str(others[-1])
