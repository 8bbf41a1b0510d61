import io
import os
import pickle
import random
import struct
import threading
import warnings
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from martlet.data.pictures.decode import FORMATS, BadPicture, decode, decode_bytes, upright_rgb
from martlet.errors import MartletError

Pixels = NDArray[np.uint8]


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def rgb(content: bytes) -> Pixels:
    image = decode_bytes(content, "made up")
    assert image.mode == "RGB"
    return np.asarray(image)


def gray(values: object, dtype: type) -> Image.Image:
    return Image.fromarray(np.array([values], dtype))


def noise(width: int = 7, height: int = 5) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def png(width: int, height: int, depth: int, kind: int, rows: bytes) -> bytes:
    """A PNG file written by hand, for what Pillow reads but does not write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*both) for both in chunks)


def oriented(orientation: int, format: str = "PNG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format == "WEBP" else {}
    return encoded(Image.fromarray(noise()), format, exif=exif, **options)


UPRIGHT = {  # how the stored rows have to be turned, from the EXIF standard's table
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a.swapaxes(0, 1), 2),
    8: np.rot90,
    **dict.fromkeys((0, 9, 65535), lambda a: a),  # these mean nothing
}


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation(orientation: int, format: str) -> None:
    once = decode_bytes(oriented(orientation, format), "")
    np.testing.assert_array_equal(np.asarray(once), UPRIGHT[orientation](noise()))
    np.testing.assert_array_equal(np.asarray(upright_rgb(once)), np.asarray(once))


def palette(*colours: tuple[int, int, int]) -> Image.Image:
    """A pixel of each colour."""
    image = Image.fromarray(np.arange(len(colours), dtype=np.uint8)[None], "P")
    image.putpalette([value for colour in colours for value in colour])
    return image


RGBA = Image.fromarray(np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 128]]], np.uint8))
LA = Image.fromarray(np.array([[[10, 255], [10, 0], [0, 128]]], np.uint8), "LA")
COLOURS = [(200, 0, 0), (0, 150, 0), (0, 0, 100)]
SEEN_THROUGH = [COLOURS[0], 255, COLOURS[2]]
DEEP, SCALED = gray([0, 128, 129, 257, 32896, 65279, 65535], np.uint16), [0, 0, 1, 1, 128, 254, 255]
BIG_ENDIAN = Image.frombytes("I;16B", (3, 1), struct.pack(">HHH", 0, 32896, 65535))
ROWS: dict[str, tuple[bytes, list[Any]]] = {  # a file, and its first row; gray as one number
    "gray": (encoded(gray([0, 1, 128, 255], np.uint8)), [0, 1, 128, 255]),
    "gray JPEG": (encoded(Image.new("L", (2, 1), 255), "JPEG", quality=100), [255, 255]),
    "one bit": (encoded(Image.fromarray(np.array([[True, False]]))), [255, 0]),
    "alpha": (encoded(RGBA), [(10, 20, 30), 255, 127]),
    "alpha TIFF": (encoded(RGBA, "TIFF"), [(10, 20, 30), 255, 127]),
    "gray alpha": (encoded(LA), [10, 255, 127]),
    "a clear colour": (
        encoded(
            Image.fromarray(np.array([[[9, 8, 7], [1, 2, 3]]], np.uint8)), transparency=(9, 8, 7)
        ),
        [255, (1, 2, 3)],
    ),
    "a clear gray": (encoded(gray([9, 1], np.uint8), transparency=9), [255, 1]),
    "palette": (encoded(palette(*COLOURS)), COLOURS),
    "palette GIF": (encoded(palette(*COLOURS), "GIF"), COLOURS),
    "clear entry": (encoded(palette(*COLOURS), transparency=1), SEEN_THROUGH),
    "clear entry GIF": (encoded(palette(*COLOURS), "GIF", transparency=1), SEEN_THROUGH),
    "palette with alpha": (
        encoded(palette((0, 0, 0), (200, 100, 50)), transparency=bytes([128, 255])),
        [127, (200, 100, 50)],
    ),
    # more than 8 bits: scaled, and not clipped
    "16 bits PNG": (encoded(DEEP), SCALED),
    "16 bits TIFF": (encoded(DEEP, "TIFF"), SCALED),
    "16 bits PPM": (encoded(DEEP, "PPM"), SCALED),
    "big-endian TIFF": (encoded(BIG_ENDIAN, "TIFF"), [0, 128, 255]),
    "16 bits colour": (
        png(2, 1, 16, 2, struct.pack(">x6H", 65535, 32896, 0, 257, 65535, 128 * 257)),
        [(255, 128, 0), (1, 255, 128)],
    ),
    "16 bits gray alpha": (
        png(2, 1, 16, 4, struct.pack(">x4H", 32896, 65535, 32896, 0)),
        [128, 255],
    ),
    "16 bits alpha": (
        png(2, 1, 16, 6, struct.pack(">x8H", 65535, 0, 257, 65535, 0, 0, 0, 0)),
        [(255, 0, 1), 255],
    ),
    "32 bits": (encoded(gray([0, 32896, 65535], np.int32), "TIFF"), [0, 128, 255]),
    "float": (encoded(gray([0, 0.5, 1], np.float32), "TIFF"), [0, 128, 255]),
}


@pytest.mark.parametrize("kind", ROWS)
def test_every_kind_of_pixel_becomes_rgb_on_white(kind: str) -> None:
    content, row = ROWS[kind]
    expected = [value if isinstance(value, tuple) else [value] * 3 for value in row]
    np.testing.assert_array_equal(rgb(content)[0], expected)


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk(format: str) -> None:
    inks = {(0, 255, 255, 0): [255, 0, 0], (255, 0, 255, 0): [0, 255, 0], (0, 0, 0, 255): [0] * 3}
    for ink, colour in inks.items():
        content = encoded(Image.new("CMYK", (16, 16), ink), format)
        np.testing.assert_allclose(rgb(content)[8, 8], colour, atol=3)
        # Adobe's JPEG, which this is, stores inks upside down and says so in a marker
        assert (b"Adobe" in content) == (format == "JPEG")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([-1, 0], np.int32), ([0, 65536], np.int32), ([0, 255], np.float32), ([np.nan], np.float32)],
)
def test_values_without_an_agreed_scale_are_refused(values: list[float], dtype: type) -> None:
    with pytest.raises(BadPicture, match="no agreed scale"):
        decode_bytes(encoded(gray(values, dtype), "TIFF"), "x.tif")
    with pytest.raises(MartletError, match="no agreed scale"):
        upright_rgb(gray(values, dtype))


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_of_several_frames(format: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    content = encoded(frames[0], format, save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(rgb(content)[4, 4], [255, 0, 0], atol=3)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_by_content_and_not_by_name(format: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.jpg"
    path.write_bytes(encoded(Image.new("RGB", (16, 12), (200, 100, 50)), format))
    assert decode(path).size == (16, 12)
    np.testing.assert_allclose(np.asarray(decode(path))[5, 5], [200, 100, 50], atol=6)


def big_header(width: int, height: int) -> bytes:
    return png(width, height, 8, 2, b"\0" * 100)


def noisy(format: str) -> bytes:
    return encoded(Image.fromarray(noise(64, 64)), format)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"<html>not found</html>", "is a web page"),
        (b"not found", "is not a picture in a known format"),
        (b"\xff\xd8\xff", "is not a picture|is damaged"),
        (noisy("JPEG")[:1000], "is damaged .*truncated"),
        (noisy("PNG")[:1000], "is damaged .*truncated"),
        (noisy("GIF")[:1000], "is damaged"),
        (noisy("WEBP")[:1000], "is not a picture|is damaged"),
        (noisy("TIFF")[:1000], "is not a picture|is damaged"),
        (big_header(100_000, 100_000), "declares more pixels than the 178,956,970 accepted"),
        (big_header(2**31 - 1, 2**31 - 1), "declares more pixels|is damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture"),
    ],
)
def test_bad_content(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(content)
    with pytest.raises(BadPicture, match=reason) as caught:
        decode(path)
    assert str(path) in str(caught.value)
    assert caught.value.path == str(path)
    assert str(caught.value).endswith(".")


def test_a_bomb_is_refused_by_its_header_whatever_pillow_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(BadPicture, match="declares more pixels"):
        decode_bytes(big_header(60_000, 60_000), "bomb.png")


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, reason in (
        ("folder.jpg", "is not a regular file"),
        ("pipe.jpg", "is not a regular file"),
        ("dangling.jpg", "cannot be read (No such file or directory)"),
        ("loop.jpg", "cannot be read (Too many levels of symbolic links)"),
        ("missing.jpg", "cannot be read (No such file or directory)"),
        ("null\0.jpg", "is not a file name (embedded null byte)"),
    ):
        with pytest.raises(BadPicture) as caught:
            decode(tmp_path / name)
        assert caught.value.reason == reason


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "huge.jpg", "wb") as file:
        file.truncate(2**30 + 1)  # a hole: takes no room on the disk
    with pytest.raises(BadPicture, match="has 1,073,741,825 bytes; up to 1,073,741,824"):
        decode(tmp_path / "huge.jpg")


def test_a_corrupt_exif_block_does_not_matter() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    block = bytearray(exif.tobytes())
    block[10:] = b"\xff" * (len(block) - 10)
    content = encoded(Image.fromarray(noise(64, 64)), "JPEG", exif=bytes(block))
    np.testing.assert_array_equal(rgb(content), rgb(noisy("JPEG")))


def test_pillow_warns_other_threads_and_afterwards_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    content, heard = noisy("PNG"), []
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 64 - 1)

    def open_elsewhere() -> None:
        try:
            Image.open(io.BytesIO(content))
        except Image.DecompressionBombWarning as warning:
            heard.append(warning)

    def in_the_middle(image: Image.Image) -> Image.Image:
        other = threading.Thread(target=open_elsewhere)
        other.start()
        other.join()
        return upright_rgb(image)

    monkeypatch.setattr("martlet.data.pictures.decode.upright_rgb", in_the_middle)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode_bytes(content, "").size == (64, 64)
        open_elsewhere()
    assert len(heard) == 2


def test_bad_pictures_travel_between_processes() -> None:
    error = pickle.loads(pickle.dumps(BadPicture("a.jpg", "is damaged")))
    assert (error.path, error.reason, str(error)) == ("a.jpg", "is damaged", "'a.jpg' is damaged.")


DAMAGED = ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM"]
WHOLE = {format: encoded(Image.fromarray(noise(20, 16)), format) for format in DAMAGED}


@given(
    format=st.sampled_from(DAMAGED),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    kept=st.integers(0, 3000),
)
def test_any_damage_is_a_picture_or_a_bad_picture(
    format: str, changes: list[tuple[int, int]], kept: int
) -> None:
    content = bytearray(WHOLE[format][:kept])
    for at, value in changes:
        if at < len(content):
            content[at] = value
    try:
        image = decode_bytes(bytes(content), "fuzzed")
    except BadPicture:
        return
    assert image.mode == "RGB"


def every_kind() -> dict[str, bytes]:
    """A small picture in each format and in the unusual modes."""
    image = Image.fromarray(noise(16, 12))
    kinds = {format: encoded(image, format) for format in (*FORMATS, "MPO")}
    kinds["palette"] = encoded(image.convert("P"))
    kinds["gray 16"] = encoded(gray(range(0, 65536, 4096), np.uint16))
    kinds["CMYK"] = encoded(image.convert("CMYK"), "JPEG")
    kinds["progressive"] = encoded(image, "JPEG", progressive=True)
    kinds["animated"] = encoded(image, "GIF", save_all=True, append_images=[image.rotate(90)])
    kinds["float"] = encoded(gray(np.linspace(0, 1, 16), np.float32), "TIFF")
    kinds["turned"] = oriented(6, "TIFF")
    return kinds


def damaged(content: bytes, seed: int) -> bytes:
    """Bytes changed, cut off, left out, repeated, or a number in the header made large."""
    chance, kept = random.Random(seed), bytearray(content)
    start = chance.randrange(len(kept))
    end = min(len(kept), start + chance.randrange(1, 40))
    match chance.randrange(6):
        case 0:
            return bytes(kept[:start])
        case 1:
            del kept[start:end]
        case 2:
            kept[start:start] = kept[start:end] * chance.choice((1, 2, 50))
        case 3:
            place = chance.randrange(min(64, len(kept)))
            number = chance.choice((0, 0xFFFF, 0x7FFFFFFF))
            kept[place : place + 4] = number.to_bytes(4, "big")
        case _:
            for _ in range(chance.choice((1, 1, 2, 4, 30))):
                kept[chance.randrange(len(kept))] = chance.choice((0, 1, 127, 128, 255))
    return bytes(kept)


@pytest.mark.slow
def test_damaged_pictures_are_read_or_refused_in_a_sentence() -> None:
    found: Counter[str] = Counter()
    for kind, content in every_kind().items():
        for seed in range(1000):
            try:
                image = decode_bytes(damaged(content, seed), kind)
            except BadPicture:
                found["refused"] += 1
            else:
                assert image.mode == "RGB", (kind, seed)
                found["read"] += 1
    print(dict(found))
    assert min(found.values()) > 1000
