import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from martlet.data import pixel_file
from martlet.data.pixel_file import MAGIC, Decoded, PixelFile, Unread, write_pixels
from martlet.errors import MartletError

PICTURES = list(np.random.default_rng(0).integers(0, 256, (3, 5, 6, 3), np.uint8))

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))
pixels = shapes.flatmap(lambda shape: arrays.arrays(np.uint8, shape))
hashes = st.integers(0, 2**64 - 1)
pictures = st.builds(Decoded, st.binary(min_size=16, max_size=16), pixels, hash=hashes)
unreadable = st.builds(Decoded, st.just(b""), st.none(), st.text(), st.integers(-1, 2**63 - 1))


@settings(max_examples=30)  # each waits for the disk
@given(st.lists(pictures | unreadable, max_size=12))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, decoded: list[Decoded]) -> None:
    path = tmp_path_factory.mktemp("file") / "x.pixels"
    write_pixels(path, iter(decoded))
    file = PixelFile(path)
    whole = [(n, d) for n, d in enumerate(decoded) if d.pixels is not None]
    assert file.numbers == [n for n, _ in whole]
    assert file.digests == [d.digest.hex() for _, d in whole]
    assert file.hashes == [d.hash for _, d in whole]
    for at, (_, picture) in enumerate(whole):
        np.testing.assert_array_equal(file[at], picture.pixels)
    assert file.unread == [
        Unread(n, d.reason, d.changed) for n, d in enumerate(decoded) if d.pixels is None
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_pixels(tmp_path / "x.pixels", iter([Decoded(bytes(16), p) for p in PICTURES]))
    return tmp_path / "x.pixels"


def test_a_cut_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="pixel cache"):
            PixelFile(path)


def test_a_changed_byte_after_the_pixels_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    for at in range(len(MAGIC) + 3 * 90, len(whole), 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        with pytest.raises(ValueError, match="pixel cache"):
            PixelFile(path)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the size of the memory")
def test_a_file_larger_than_the_memory(path: Path) -> None:
    whole, footer = path.read_bytes(), pixel_file._FOOTER
    start, length, checksum, magic = footer.unpack(whole[-footer.size :])
    far = 2 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with open(path, "rb+") as file:  # the hole in between takes no room on the disk
        file.seek(far)
        file.write(whole[start : start + length])
        file.write(footer.pack(far, length, checksum, magic))
    for shown, written in zip(PixelFile(path), PICTURES, strict=True):
        np.testing.assert_array_equal(shown, written)


def test_changed_pixels_are_no_picture_and_the_file_goes(path: Path) -> None:
    whole = path.read_bytes()
    for at in range(len(MAGIC), len(MAGIC) + 3 * 90, 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        file, changed = PixelFile(path), (at - len(MAGIC)) // 90
        for number in {0, 1, 2} - {changed}:
            np.testing.assert_array_equal(file[number], PICTURES[number])
        assert path.exists()
        with pytest.raises(MartletError, match="was damaged on the disk and has been removed"):
            file[changed]
        assert not path.exists()


@pytest.mark.parametrize("system", ["POSIX", "Windows"])
def test_cut_short_while_it_is_read(
    path: Path, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if system == "Windows":
        monkeypatch.delattr(os, "preadv")
    file = PixelFile(path)
    np.testing.assert_array_equal(file[2], PICTURES[2])
    os.truncate(path, len(MAGIC) + 2 * 90 + 40)
    np.testing.assert_array_equal(file[1], PICTURES[1])
    with pytest.raises(MartletError, match="was damaged on the disk"):
        file[2]
