"""Pictures read out of shards as they are asked for: only the index is held in memory."""

import hashlib
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.kind import Check, Progress
from martlet.data.odd import DARK, about_dark, refuse_too_many
from martlet.data.pictures.decode import BadPicture, decode_bytes
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.shards.index import NAME, Index, from_text, to_text
from martlet.data.pictures.shards.inspect import digest_of
from martlet.data.pictures.shards.places import address, local_shards, refuse_missing
from martlet.data.pictures.shards.remote import download
from martlet.data.pictures.shards.scan import scan_shards
from martlet.errors import MartletError
from martlet.storage.caches import cache_folder
from martlet.storage.files import write_text

_MOST_OPEN = 64  # files of one process


class ShardSamples:
    """`samples[i]` is a uint8 (H, W, C), as the pixel cache has it, decoded anew each time.

    In the order of the pictures' paths, which is that of a folder of them, so that split, order and
    augmentation are the folder's. May be sent to worker processes.
    """

    def __init__(self, root: Path, index: Index, preprocess: Preprocess) -> None:
        self.root, self.preprocess, self._index = root, preprocess, index
        order = sorted(range(len(index)), key=lambda n: (index.paths[n], index.labels[n]))
        self._order = order
        self.names = [index.paths[n] for n in order]
        self.labels = [index.labels[n] for n in order]
        self.parts = [index.parts[n] for n in order]
        self.digests = [index.digests[n] for n in order]
        self.bad = [BadPicture(name, reason) for name, reason in index.bad]
        self._files = _Files()

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """Raises MartletError, which names shard and member, when it is not what was indexed."""
        held, n = self._index, self._order[index]
        path = self.root / held.shards[held.at[n]]
        where = f"{path}: {held.members[n]}"
        try:
            content = self._files.read(path, held.offsets[n], held.lengths[n])
        except OSError as error:
            raise MartletError(
                f"{where!r} cannot be read ({error.strerror or error}); put the shard back, and go "
                "on with --resume."
            ) from error
        if digest_of(content) != held.digests[n]:
            raise MartletError(
                f"{where!r} is not what was there when the shards were indexed: the shard was cut "
                "short, damaged or changed; fetch or write it anew, and go on with --resume."
            )
        return self.preprocess.resize(decode_bytes(content, where))

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; a picture's label is an index into them."""
        return self._index.classes

    @property
    def groups(self) -> list[str] | None:
        """Group of each picture, its path where it has none; None: content alone tells."""
        groups = self._index.groups
        if all(group is None for group in groups):
            return None
        return [groups[n] or self._index.paths[n] for n in self._order]

    @property
    def odd(self) -> list[str]:
        """What was left out, and pictures that are nearly black."""
        told = list(self._index.notes)
        if self.bad:
            told.append(f"{len(self.bad)} pictures could not be read and were skipped:")
            told += [f"  {bad}" for bad in self.bad[:20]]
        if len(self) and self._index.brightest < DARK:
            told.append(about_dark(self._index.brightest))
        return told


class _Files:
    """Open shards, the least used closed first; each process, and each copy, has its own."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, int] = OrderedDict()
        self._turn, self._process = threading.Lock(), os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]

    def __del__(self) -> None:
        for file in self._open.values():
            os.close(file)

    def read(self, path: Path, offset: int, length: int) -> bytes:
        """So many bytes of a shard, or fewer where it ends."""
        with self._turn:
            file = self._open.pop(path, None)
            if file is None:
                file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            self._open[path] = file
            if len(self._open) > _MOST_OPEN:
                os.close(self._open.popitem(last=False)[1])
            if hasattr(os, "pread"):
                return os.pread(file, length, offset)
            os.lseek(file, offset, os.SEEK_SET)  # Windows
            return os.read(file, length)


def read_shards(
    data: Path,
    preprocess: Preprocess,
    *,
    max_bad: float,
    min_classes: int,
    cache_limit: int | None = None,
    check: Check | None = None,
    progress: Progress | None = None,
) -> ShardSamples:
    """Open the shards that `data` names. Those without an index of ours are read once for one,
    which is kept in the cache folder.

    cache_limit: of what is downloaded, bytes; None: any.
    Raises MartletError for shards that are missing, cut short, or without enough classes.
    """
    if (url := address(data)) is None:
        paths = None if (data / NAME).is_file() else local_shards(data)
        root = data if paths is None else paths[0].parent
        names = None if paths is None else [path.name for path in paths]
    else:
        root, names = download(url, cache_limit, progress)
    index = _index_of(root, names, progress)
    if check is not None:
        check(index.classes)
    refuse_too_many([BadPicture(*bad) for bad in index.bad], len(index) + len(index.bad), max_bad)
    if len(index.classes) < min_classes:
        raise MartletError(
            f"the shards of {str(data)!r} hold one class, {index.classes[0]!r}; at least "
            f"{min_classes} are needed."
        )
    return ShardSamples(root, index, preprocess)


def _index_of(root: Path, names: list[str] | None, progress: Progress | None) -> Index:
    """The index that lies beside the shards, if it is about all of them, or one made anew."""
    beside = root / NAME
    if beside.is_file():
        index = from_text(_read(beside), beside)
        if names is None or set(names) <= set(index.shards):
            chosen = list(index.shards) if names is None else names
            index = index if names is None else index.only(names)
            refuse_missing([root / n for n in chosen if not (root / n).is_file()], len(chosen))
            for name, size in zip(index.shards, index.sizes, strict=True):
                _check_size(root / name, size)
            return index
    paths = [root / name for name in names or ()]
    states = [f"{p}\0{(s := p.stat()).st_size} {s.st_mtime_ns} {s.st_ino}" for p in paths]
    key = hashlib.blake2b("\n".join(states).encode(), digest_size=12).hexdigest()
    kept = cache_folder() / f"{key}-{NAME}"
    if kept.is_file():
        return from_text(_read(kept), kept)
    index = scan_shards(paths, progress)
    write_text(kept, to_text(index))
    return index


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise MartletError(f"{str(path)!r} cannot be read ({error}).") from error


def _check_size(path: Path, size: int) -> None:
    found = path.stat().st_size
    if found != size:
        what = "is cut short" if found < size else "has changed"
        raise MartletError(
            f"the shard {str(path)!r} {what}: it has {found:,} bytes, and {NAME} says {size:,}; "
            "fetch or write it anew."
        )
