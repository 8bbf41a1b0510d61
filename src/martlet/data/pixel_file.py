"""The file of the pixel cache: written once from front to back, then only read.

MAGIC, the pixels of all pictures one after the other, the index (arrays in NumPy's .npz form,
without pickle) and a footer that says where the index is. The index holds a checksum of each
picture. The file is read, not mapped into memory: a mapped file that somebody cuts short kills the
process.
"""

import hashlib
import io
import json
import os
import struct
import threading
import weakref
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError
from martlet.storage.files import replacing

VERSION = 5
MAGIC = b"martlet pixels\r\n"
_FOOTER = struct.Struct("<QQ16s16s")  # start and length of the index in bytes, its hash, MAGIC
DIGEST_BYTES = 16


class Decoded(NamedTuple):
    """One picture to write: its content's hash and pixels, or the reason why there are none."""

    digest: bytes
    pixels: NDArray[np.uint8] | None
    reason: str = ""
    changed: int = -1  # when an unreadable file was last touched, ns
    hash: int = 0  # the perceptual one


class Unread(NamedTuple):
    """An unreadable picture: its number in the listing, the reason, when it was last touched."""

    number: int
    reason: str
    changed: int


def write_pixels(path: Path, decoded: Iterator[Decoded]) -> None:
    """Write a new file, whole or not at all. Raises MartletError when the disk refuses."""
    way_out = "set MARTLET_CACHE to a folder with enough room"
    numbers: list[int] = []
    starts: list[int] = []
    shapes: list[tuple[int, ...]] = []
    checksums: list[int] = []
    digests = bytearray()
    hashes: list[int] = []
    unread: list[Unread] = []
    brightest = 0
    with replacing(path, way_out) as beside, beside.open("wb", buffering=1 << 20) as file:
        at = file.write(MAGIC)
        for number, (digest, pixels, reason, changed, hash_) in enumerate(decoded):
            if pixels is None:
                unread.append(Unread(number, reason, changed))
                continue
            numbers.append(number)
            starts.append(at)
            shapes.append(pixels.shape)
            checksums.append(zlib.crc32(pixels.data))
            digests += digest
            hashes.append(hash_)
            brightest = max(brightest, int(pixels.max(initial=0)))
            at += file.write(pixels.data)
        stream = io.BytesIO()
        np.savez(
            stream,
            allow_pickle=False,
            numbers=np.array(numbers, dtype=np.int64),
            starts=np.array(starts, dtype=np.int64),
            shapes=np.array(shapes, dtype=np.int64).reshape(-1, 3),
            checksums=np.array(checksums, dtype=np.uint32),
            digests=np.array(digests),
            hashes=np.array(hashes, dtype=np.uint64),
            brightest=np.array(brightest),
            unread=np.array(bytearray(json.dumps(unread).encode())),
        )
        index = stream.getvalue()
        file.write(index)
        file.write(_FOOTER.pack(at, len(index), _checksum(index), MAGIC))


class PixelFile:
    """An open file: `file[n]` is a copy of the pixels (H, W, C), uint8. The lists are aligned.

    numbers: the pictures' places in the listing.
    digests: hash of each picture's content, hexadecimal.
    hashes: perceptual hash of each picture.
    unread: the pictures that could not be read.
    brightest: the highest value of all pixels, 0 to 255.

    Raises OSError when it cannot be opened and ValueError when it is not whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._file)  # a file object would warn of its end
        with os.fdopen(self._file, "rb", closefd=False) as file:
            index = _index(file)
        digests, each = index["digests"].tobytes().hex(), 2 * DIGEST_BYTES
        self.digests = [digests[at : at + each] for at in range(0, len(digests), each)]
        self.hashes: list[int] = index["hashes"].tolist()
        self.numbers: list[int] = index["numbers"].tolist()
        self.unread = [Unread(*row) for row in json.loads(index["unread"].tobytes())]
        self.brightest = int(index["brightest"])
        self._starts: list[int] = index["starts"].tolist()
        self._shapes = [tuple(shape) for shape in index["shapes"].tolist()]
        self._checksums: list[int] = index["checksums"].tolist()
        self._checked = bytearray(len(self.numbers))  # once in each process: not for every epoch
        self._turn = threading.Lock()

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        """Raises MartletError, and removes the file, when its pixels are not those written."""
        pixels = np.empty(self._shapes[number], np.uint8)
        try:
            whole = self._read(pixels, self._starts[number]) == pixels.nbytes
        except OSError:
            whole = False
        if not whole or not (
            self._checked[number] or zlib.crc32(pixels.data) == self._checksums[number]
        ):
            with suppress(OSError):
                self.path.unlink()
            raise MartletError(
                f"{self.path}, the cache of pixels, was damaged on the disk and has been removed; "
                "the same command makes it anew (with --resume, where a run was going on)."
            )
        self._checked[number] = True
        return pixels

    def _read(self, pixels: NDArray[np.uint8], start: int) -> int:
        """Bytes that were there, from any number of threads and forked processes."""
        if hasattr(os, "preadv"):
            return os.preadv(self._file, [pixels.data], start)
        with self._turn, os.fdopen(self._file, "rb", closefd=False) as file:  # Windows
            file.seek(start)
            return file.readinto(pixels.data)


def _index(file: BinaryIO) -> dict[str, NDArray[Any]]:
    size = file.seek(0, os.SEEK_END)
    if size < _FOOTER.size:
        raise ValueError("too short for a pixel cache")
    file.seek(size - _FOOTER.size)
    start, length, checksum, magic = _FOOTER.unpack(file.read())
    if magic != MAGIC or start + length + _FOOTER.size != size:
        raise ValueError("not a whole pixel cache")
    file.seek(start)
    content = file.read(length)
    if _checksum(content) != checksum:
        raise ValueError("the index of the pixel cache is damaged")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def _checksum(index: bytes) -> bytes:
    return hashlib.blake2b(index, digest_size=16).digest()
