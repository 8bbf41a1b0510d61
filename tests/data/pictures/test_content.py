import io
import zipfile

import numpy as np
import pytest
from PIL import Image, features

from martlet.data.pictures.content import other_content
from martlet.data.pictures.decode import FORMATS, BadPicture, decode_bytes


def box(brand: bytes, compatible: bytes = b"") -> bytes:
    """A file of the ISO family: its first box, and nothing that could be decoded."""
    content = b"ftyp" + brand + bytes(4) + compatible
    return (len(content) + 4).to_bytes(4, "big") + content + bytes(200)


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("a.jpg", b"x")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (box(b"heic", b"mif1heic"), "is a HEIC picture, .* convert it to JPEG"),
        (box(b"mif1", b"mif1heic"), "is a HEIC picture"),
        (box(b"isom", b"isomavc1"), "is a video"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(99), "is a JPEG XL picture"),
        (b"8BPS\0\1" + bytes(99), "is a Photoshop file"),
        (bytes(128) + b"DICM" + bytes(99), "is a DICOM file"),
        (b"\0\5\x16\7" * 20, "macOS's notes"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "run git lfs pull"),
        (b"\n<!doctype HTML><html>", "is a web page"),
        (b'<?xml version="1.0"?>\n<svg xmlns="">', "is an SVG drawing"),
        (archive(), "is an archive"),
        (b"no picture at all", "is not a picture in a known format"),
    ],
)
def test_what_is_no_picture_is_named_as_what_it_is(content: bytes, sentence: str) -> None:
    with pytest.raises(BadPicture, match=rf"'sent\.jpg' .*{sentence}"):
        decode_bytes(content, "sent.jpg")


def test_a_damaged_avif_file_is_not_taken_for_another_format() -> None:
    with pytest.raises(BadPicture) as caught:
        decode_bytes(box(b"avif", b"mif1avif"), "a.avif")
    assert "HEIC" not in str(caught.value)


@pytest.mark.parametrize(
    ("read", "sentence"), [(True, "is damaged"), (False, "reads from 11.3 on")]
)
def test_an_avif_picture_asks_for_another_pillow_only_where_that_helps(
    monkeypatch: pytest.MonkeyPatch, read: bool, sentence: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr("PIL.features.check", lambda name: read)
    with pytest.raises(BadPicture, match=sentence):
        decode_bytes(box(b"avif", b"mif1avif"), "a.avif")


@pytest.mark.skipif("AVIF" not in FORMATS, reason="Pillow reads AVIF from 11.3 on")
def test_half_an_avif_picture_is_damaged() -> None:
    if not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(stream, "AVIF")
    content = stream.getvalue()
    assert decode_bytes(content, "a.avif").size == (64, 64)
    for end in (len(content) // 2, len(content) - 9, 40):
        with pytest.raises(BadPicture, match=r"^'a\.avif' is damaged"):
            decode_bytes(content[:end], "a.avif")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "MPO"])
def test_a_picture_is_nothing_else(format: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (200, 200), (10, 200, 30)).save(stream, format)
    assert other_content(stream.getvalue()[:132]) is None
    assert decode_bytes(stream.getvalue(), "").getpixel((100, 100))[1] > 190
