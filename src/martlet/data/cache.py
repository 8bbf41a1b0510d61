"""Every picture decoded and resized once, then read from one file."""

import contextlib
import hashlib
import json
import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray

from martlet.data.kind import Progress
from martlet.data.odd import DARK, about_dark, about_ignored, refuse_too_many
from martlet.data.pictures.decode import BadPicture, decode_bytes, read_bytes
from martlet.data.pictures.perceptual_hash import perceptual_hash
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.read import Listing, Picture
from martlet.data.pixel_file import DIGEST_BYTES, VERSION, Decoded, PixelFile, write_pixels
from martlet.errors import MartletError
from martlet.storage.caches import cache_folder

_AT_ONCE = 16


class PixelCache:
    """Pixels of the readable pictures of a listing: `cache[i]` is a uint8 (H, W, C) copy.

    pictures: the readable ones, aligned with the cache.
    digests: hash of each file's content, hexadecimal, aligned with the cache.
    hashes: perceptual hash of each picture, aligned with the cache.
    bad: the files that could not be read, with the reason.

    A pickled cache opens the file by its path again, so it can be sent to worker processes.
    """

    def __init__(self, path: Path, listing: Listing) -> None:
        self.path = path
        self._listing = listing
        self._file = PixelFile(path)
        self.pictures: list[Picture] = [listing.pictures[n] for n in self._file.numbers]
        self.digests = self._file.digests
        self.hashes = self._file.hashes
        self.bad = [BadPicture(listing.pictures[n].path, why) for n, why, _ in self._file.unread]

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

        Raises MartletError when more than `max_bad` are unreadable, and when the cache cannot be
        written.
        """
        if not 0 <= max_bad <= 1:
            raise MartletError(f"max_bad={max_bad!r} is not a fraction from 0 to 1.")
        folder = cache_folder() if folder is None else Path(folder)
        root = Path(listing.root).resolve()
        name = _name(root if listing.source is None else listing.source.resolve(), preprocess)
        path = folder.absolute() / f"{name}-{_key(root, listing)}.pixels"
        cache = _reopen(path, listing)
        if cache is None:
            decoding = _decode_all(listing, preprocess, workers or cores(), progress)
            with contextlib.closing(decoding) as decoded:
                write_pixels(path, decoded)
            cache = cls(path, listing)
            _remove_older(path, name)
        refuse_too_many(cache.bad, len(listing.pictures), max_bad)
        return cache

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return self._file[index]

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

    @property
    def root(self) -> Path:
        """The folder of the listing; paths of a list may also be absolute."""
        return self._listing.root

    @property
    def names(self) -> list[str]:
        """Path of each picture below `root`, aligned with the cache."""
        return [picture.path for picture in self.pictures]

    @property
    def groups(self) -> list[str] | None:
        """Group of each picture, its path where it has none; None: all are told apart by their
        content alone."""
        if all(picture.group is None for picture in self.pictures):
            return None
        return [picture.group or picture.path for picture in self.pictures]

    def grouped(self, groups: Sequence[str]) -> "PixelCache":
        """The same pictures, each with its group of these."""
        listed = list(self._listing.pictures)
        for number, group in zip(self._file.numbers, groups, strict=True):
            listed[number] = listed[number]._replace(group=group)
        return PixelCache(self.path, self._listing._replace(pictures=tuple(listed)))

    @property
    def odd(self) -> list[str]:
        """How a list was understood, and a sentence for each kind of file that was not used."""
        sentences = [*self._listing.notes]
        if self._listing.ignored:
            sentences.append(about_ignored(self._listing.ignored))
        if self.bad:
            sentences.append(f"{len(self.bad)} pictures could not be read and were skipped:")
            sentences += [f"  {bad}" for bad in self.bad[:20]]
        if self.pictures and self._file.brightest < DARK:
            sentences.append(about_dark(self._file.brightest))
        return sentences

    def bad_ones_changed(self) -> bool:
        """Was an unreadable file touched since (permissions, say)? Then it deserves another try."""
        root, listed = self._listing.root, self._listing.pictures
        return any(_changed(root / listed[n].path) != at for n, _, at in self._file.unread)


def _name(root: Path, preprocess: Preprocess) -> str:
    """Start of the file name: readable, and the same as long as folder (list) and settings are."""
    readable = "".join(c if c.isascii() and c.isalnum() else "_" for c in root.name)[:40]
    return f"{readable}-{_hash(json.dumps([os.fspath(root), preprocess.resized]), size=6)}"


def _key(root: Path, listing: Listing) -> str:
    """Hash over what the pixels follow from: Pillow, and every picture's path and `_state`."""
    lines = [f"{p.path}\0{_state(os.path.join(root, p.path))}" for p in listing.pictures]
    return _hash("\n".join([str(VERSION), PIL.__version__, *lines]), size=12)


def _hash(text: str, *, size: int) -> str:
    # surrogatepass: names that are not UTF-8 come as lone surrogates
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # fewer than the machine has, in a container for instance
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _state(path: str) -> str:
    """Of a file: a program may put back its size and its time, but not its inode's."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return "missing"
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"


def _changed(path: str | Path) -> int:
    try:
        return os.stat(path).st_ctime_ns
    except (OSError, ValueError):
        return -1


def _reopen(path: Path, listing: Listing) -> PixelCache | None:
    """The cache, when there is a whole one that still fits."""
    try:
        cache = PixelCache(path, listing)
    except (OSError, ValueError, KeyError):  # not there, not whole, or of another format
        return None
    return None if cache.bad_ones_changed() else cache


def _remove_older(path: Path, name: str) -> None:
    """Remove caches of the same folder and settings from before something in it changed."""
    for other in path.parent.glob(f"{name}-*.pixels"):
        if other != path:
            with contextlib.suppress(OSError):
                other.unlink()


def _decode_all(
    listing: Listing, preprocess: Preprocess, workers: int, progress: Progress | None
) -> Generator[Decoded]:
    """In the listing's order, by threads: Pillow lets go of Python's lock while it decodes.

    A thread is given `_AT_ONCE` pictures at a time, since handing over takes as long as decoding
    a small one, and twice as many as all threads work on are in memory.
    """
    waiting: deque[Future[list[Decoded]]] = deque()
    paths = [os.path.join(listing.root, picture.path) for picture in listing.pictures]
    done = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        try:
            for first in range(0, len(paths), _AT_ONCE):
                some = paths[first : first + _AT_ONCE]
                waiting.append(pool.submit(_decode_some, some, preprocess))
                while len(waiting) >= 2 * workers or (waiting and first + _AT_ONCE >= len(paths)):
                    for decoded in waiting.popleft().result():
                        yield decoded
                        done += 1
                        if progress is not None:
                            progress(done, len(paths))
        finally:
            pool.shutdown(cancel_futures=True)


def _decode_some(paths: Sequence[str], preprocess: Preprocess) -> list[Decoded]:
    return [_decode_one(path, preprocess) for path in paths]


def _decode_one(path: str, preprocess: Preprocess) -> Decoded:
    try:
        content = read_bytes(path)
        digest = hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()
        picture = decode_bytes(content, path)
        pixels = preprocess.resize(picture)
        return Decoded(digest, pixels, hash=perceptual_hash(pixels, min(picture.size)))
    except BadPicture as error:
        reason = error.reason
    except MartletError as error:
        reason = f"cannot be used: {str(error).rstrip('.')}"
    return Decoded(b"", None, reason, _changed(path))
