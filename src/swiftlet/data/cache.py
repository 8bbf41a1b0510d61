"""Every picture decoded and resized once, kept as uint8 in one memory-mapped file.

The file: MAGIC, the pixels of all pictures one after the other, the index (NumPy arrays in .npz
form: no pickle), and a footer that says where the index starts and ends. It is written under a
temporary name and renamed when whole, so a file under the final name is always a whole one.
"""

import hashlib
import io
import json
import mmap
import os
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import PIL
from numpy.typing import NDArray

from swiftlet.data.atomic import temporary
from swiftlet.data.decode import BadPicture, decode_bytes, read_bytes
from swiftlet.data.images import Listing, Picture
from swiftlet.data.preprocess import Preprocess
from swiftlet.errors import SwiftletError

MAGIC = b"swiftlet pixels\n"
VERSION = 1  # of the file format and of everything that decides about the pixels
_FOOTER = struct.Struct("<QQ16s")  # start and length of the index in bytes, MAGIC

Progress = Callable[[int, int], None]


class _Decoded(NamedTuple):
    digest: bytes
    pixels: NDArray[np.uint8] | None
    reason: str  # why there are no pixels


class PixelCache:
    """Pixels of the readable pictures of a listing: `cache[i]` is a uint8 (H, W, C) view.

    pictures: the readable ones, aligned with the cache.
    digests: hash of each file's content, hexadecimal, aligned with the cache.
    bad: the files that could not be read, with the reason.

    Views are read-only and share the file's memory. A pickled cache opens the file by its path
    again, so it can be sent to worker processes.
    """

    def __init__(self, path: Path, listing: Listing) -> None:
        self.path = path
        self._listing = listing
        self._open()

    @classmethod
    def build(
        cls,
        listing: Listing,
        preprocess: Preprocess,
        *,
        folder: Path | None = None,
        workers: int | None = None,
        max_bad: float = 0.01,
        progress: Progress | None = None,
    ) -> "PixelCache":
        """Open the cache of these pictures, or decode them all when something changed.

        folder: where cache files lie; default `cache_folder()`.
        workers: threads that decode; default one per core.
        max_bad: largest accepted fraction of unreadable pictures, 0..1.
        progress: called with (pictures done, pictures in all) while decoding.

        Raises SwiftletError when more than `max_bad` are unreadable, and when the cache cannot be
        written.
        """
        folder = cache_folder() if folder is None else Path(folder)
        root = Path(listing.root).resolve()
        path = folder / f"{_name(root, preprocess)}-{_key(root, listing)}.pixels"
        cache = _reopen(path, listing)
        if cache is None:
            _write(path, listing, preprocess, workers or os.cpu_count() or 1, progress)
            cache = cls(path, listing)
        _refuse_too_many(cache.bad, len(listing.pictures), max_bad)
        return cache

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        start, shape = self._starts[index], self._shapes[index]
        return self._pixels[start : start + shape[0] * shape[1] * shape[2]].reshape(shape)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[index] for index in range(len(self)))

    def __reduce__(self) -> tuple[type["PixelCache"], tuple[Path, Listing]]:
        return type(self), (self.path, self._listing)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; a picture's label is an index into them."""
        return self._listing.classes

    @property
    def labels(self) -> list[int]:
        """Class index of each picture, aligned with the cache."""
        return [picture.label for picture in self.pictures]

    @property
    def parts(self) -> list[str | None]:
        """Given part of each picture (None: not given), aligned with the cache."""
        return [picture.part for picture in self.pictures]

    def _open(self) -> None:
        with open(self.path, "rb") as file:
            index = _read_index(file)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._pixels = np.frombuffer(mapped, dtype=np.uint8)
        listed = self._listing.pictures
        self.pictures: list[Picture] = [listed[i] for i in index["readable"]]
        self._starts: list[int] = index["starts"].tolist()
        self._shapes = [tuple(shape) for shape in index["shapes"].tolist()]
        digests = index["digests"].tobytes().hex()
        self.digests = [digests[at : at + 32] for at in range(0, len(digests), 32)]
        self._bad_changes: list[tuple[int, int]] = []
        self.bad: list[BadPicture] = []
        for number, reason, changed in json.loads(index["bad"].tobytes()):
            self.bad.append(BadPicture(listed[number].path, reason))
            self._bad_changes.append((number, changed))

    def _bad_ones_changed(self) -> bool:
        """Was an unreadable file touched since (permissions, say)? Then it deserves another try."""
        root, listed = self._listing.root, self._listing.pictures
        return any(_changed(root / listed[n].path) != at for n, at in self._bad_changes)


def cache_folder() -> Path:
    """$SWIFTLET_CACHE, else $XDG_CACHE_HOME/swiftlet, else ~/.cache/swiftlet."""
    if chosen := os.environ.get("SWIFTLET_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "swiftlet"


def _name(root: Path, preprocess: Preprocess) -> str:
    """Readable start of the file name, and a hash of what does not change with the pictures."""
    readable = "".join(c if c.isascii() and c.isalnum() else "_" for c in root.name)[:40]
    made_by = [os.fspath(root), VERSION, PIL.__version__, preprocess.resized]
    return f"{readable}-{_hash(json.dumps(made_by).encode(), size=4)}"


def _key(root: Path, listing: Listing) -> str:
    """Hash over path, size and time of change of every picture."""
    start = os.path.join(root, "")
    lines = [
        f"{picture.path}\0{_size_and_time(start + picture.path)}" for picture in listing.pictures
    ]
    return _hash("\n".join(lines).encode("utf-8", "surrogatepass"), size=12)


def _hash(content: bytes, *, size: int) -> str:
    return hashlib.blake2b(content, digest_size=size).hexdigest()


def _size_and_time(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return "missing"
    return f"{found.st_size} {found.st_mtime_ns}"


def _changed(path: Path) -> int:
    try:
        return os.stat(path).st_ctime_ns
    except OSError:
        return -1


def _reopen(path: Path, listing: Listing) -> PixelCache | None:
    """The cache, when there is a whole one that still fits."""
    try:
        cache = PixelCache(path, listing)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, struct.error):
        return None  # truncated or altered from outside
    return None if cache._bad_ones_changed() else cache


def _write(
    path: Path, listing: Listing, preprocess: Preprocess, workers: int, progress: Progress | None
) -> None:
    """Decode all pictures in threads (Pillow lets go of Python's lock) into a new file."""
    readable: list[int] = []
    starts: list[int] = []
    shapes: list[tuple[int, ...]] = []
    digests: list[bytes] = []
    bad: list[tuple[int, str, int]] = []
    total = len(listing.pictures)
    with temporary(path) as file:
        file.write(MAGIC)
        at = len(MAGIC)
        for number, decoded in enumerate(_decode_all(listing, preprocess, workers)):
            if decoded.pixels is None:
                changed = _changed(listing.root / listing.pictures[number].path)
                bad.append((number, decoded.reason, changed))
            else:
                file.write(decoded.pixels.data)
                readable.append(number)
                starts.append(at)
                shapes.append(decoded.pixels.shape)
                digests.append(decoded.digest)
                at += decoded.pixels.nbytes
            if progress is not None:
                progress(number + 1, total)
        index = io.BytesIO()
        np.savez(
            index,
            allow_pickle=False,
            readable=np.array(readable, dtype=np.int64),
            starts=np.array(starts, dtype=np.int64),
            shapes=np.array(shapes, dtype=np.int64).reshape(-1, 3),
            digests=np.frombuffer(b"".join(digests), dtype=np.uint8),
            bad=np.frombuffer(json.dumps(bad).encode(), dtype=np.uint8),
        )
        file.write(index.getbuffer())
        file.write(_FOOTER.pack(at, len(index.getbuffer()), MAGIC))


def _decode_all(listing: Listing, preprocess: Preprocess, workers: int) -> Iterator[_Decoded]:
    """In the listing's order; a few pictures per worker are in memory at a time."""
    waiting: deque[Future[_Decoded]] = deque()
    start = os.path.join(listing.root, "")
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        try:
            for picture in listing.pictures:
                waiting.append(pool.submit(_decode_one, start + picture.path, preprocess))
                if len(waiting) > 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _decode_one(path: str, preprocess: Preprocess) -> _Decoded:
    try:
        content = read_bytes(path)
        digest = hashlib.blake2b(content, digest_size=16).digest()
        return _Decoded(digest, preprocess.resize(decode_bytes(content, path)), "")
    except BadPicture as error:
        return _Decoded(b"", None, error.reason)
    except SwiftletError as error:
        return _Decoded(b"", None, f"cannot be used: {str(error).rstrip('.')}")


def _read_index(file: BinaryIO) -> dict[str, NDArray[Any]]:
    """Raises ValueError for a file that is not whole."""
    size = file.seek(0, os.SEEK_END)
    if size < _FOOTER.size:
        raise ValueError("too short for a pixel cache")
    file.seek(size - _FOOTER.size)
    start, length, magic = _FOOTER.unpack(file.read(_FOOTER.size))
    if magic != MAGIC or start + length + _FOOTER.size != size:
        raise ValueError("not a whole pixel cache")
    file.seek(start)
    with np.load(io.BytesIO(file.read(length)), allow_pickle=False) as index:
        return dict(index)


def _refuse_too_many(bad: Sequence[BadPicture], total: int, max_bad: float) -> None:
    if len(bad) < total and len(bad) <= max_bad * total:
        return
    first = "; ".join(f"{picture.path!r} {picture.reason}" for picture in bad[:3])
    more = f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
    raise SwiftletError(
        f"{len(bad)} of {total} pictures cannot be read, more than max_bad={max_bad:g} allows: "
        f"{first}{more}."
    )
