"""The file of the pixel cache: written once from front to back, then only read.

MAGIC, the pixels of all pictures one after the other, the index (arrays in NumPy's .npz form,
without pickle) and a footer that says where the index is. Pixels have no other header, so a
picture is one slice of the mapped file.
"""

import hashlib
import io
import json
import mmap
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from martlet.storage.files import replacing

VERSION = 1
MAGIC = b"martlet pixels\r\n"
_FOOTER = struct.Struct("<QQ16s16s")  # start and length of the index in bytes, its hash, MAGIC
DIGEST_BYTES = 16


class Decoded(NamedTuple):
    """One picture to write: its content's hash and pixels, or the reason why there are none."""

    digest: bytes
    pixels: NDArray[np.uint8] | None
    reason: str = ""
    changed: int = -1  # when an unreadable file was last touched, ns


class Unread(NamedTuple):
    """An unreadable picture: its number in the listing, the reason, when it was last touched."""

    number: int
    reason: str
    changed: int


class PixelFile(NamedTuple):
    """An open file. Lists are aligned; `numbers` are the pictures' places in the listing."""

    pixels: NDArray[np.uint8]
    numbers: list[int]
    starts: list[int]
    shapes: list[tuple[int, ...]]
    digests: list[str]
    unread: list[Unread]


def write_pixels(path: Path, decoded: Iterator[Decoded]) -> None:
    """Write a new file, whole or not at all. Raises MartletError when the disk refuses."""
    way_out = "set MARTLET_CACHE to a folder with enough room"
    numbers: list[int] = []
    starts: list[int] = []
    shapes: list[tuple[int, ...]] = []
    digests = bytearray()
    unread: list[Unread] = []
    with replacing(path, way_out) as beside, beside.open("wb", buffering=1 << 20) as file:
        at = file.write(MAGIC)
        for number, (digest, pixels, reason, changed) in enumerate(decoded):
            if pixels is None:
                unread.append(Unread(number, reason, changed))
                continue
            numbers.append(number)
            starts.append(at)
            shapes.append(pixels.shape)
            digests += digest
            at += file.write(pixels.data)
        stream = io.BytesIO()
        np.savez(
            stream,
            allow_pickle=False,
            numbers=np.array(numbers, dtype=np.int64),
            starts=np.array(starts, dtype=np.int64),
            shapes=np.array(shapes, dtype=np.int64).reshape(-1, 3),
            digests=np.array(digests),
            unread=np.array(bytearray(json.dumps(unread).encode())),
        )
        index = stream.getvalue()
        file.write(index)
        file.write(_FOOTER.pack(at, len(index), _checksum(index), MAGIC))


def open_pixels(path: Path) -> PixelFile:
    """Map the file into memory; copy-on-write, since torch complains of read-only arrays.

    Raises OSError when it cannot be opened and ValueError when it is not whole.
    """
    with open(path, "rb") as file:
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
        mapped = _map(file.fileno())
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        index: dict[str, NDArray[Any]] = dict(arrays)
    digests, each = index["digests"].tobytes().hex(), 2 * DIGEST_BYTES
    return PixelFile(
        pixels=np.frombuffer(mapped, dtype=np.uint8),
        numbers=index["numbers"].tolist(),
        starts=index["starts"].tolist(),
        shapes=[tuple(shape) for shape in index["shapes"].tolist()],
        digests=[digests[at : at + each] for at in range(0, len(digests), each)],
        unread=[Unread(*row) for row in json.loads(index["unread"].tobytes())],
    )


def _map(file: int) -> mmap.mmap:
    """The file as memory that counts as writable, since torch warns about all other memory.

    What is written there would stay within this process. Linux would set aside as much memory as
    the file has bytes for that, and refuse a file larger than it has, unless told not to reserve.
    """
    kind = {"access": mmap.ACCESS_COPY}
    if sys.platform == "linux":
        no_reserve = getattr(mmap, "MAP_NORESERVE", 0x4000)  # named in newer Pythons only
        kind = {"flags": mmap.MAP_PRIVATE | no_reserve, "prot": mmap.PROT_READ | mmap.PROT_WRITE}
    try:
        return mmap.mmap(file, 0, **kind)
    except OSError:  # Linux set to reserve all the same
        return mmap.mmap(file, 0, access=mmap.ACCESS_READ)


def _checksum(index: bytes) -> bytes:
    return hashlib.blake2b(index, digest_size=16).digest()
