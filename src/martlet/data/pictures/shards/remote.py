"""Shards at addresses: downloaded once, whole, into the cache folder, as far as a limit allows."""

import hashlib
import shutil
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from martlet.data.kind import Progress
from martlet.data.pictures.shards.index import NAME
from martlet.data.pictures.shards.places import expand
from martlet.errors import MartletError
from martlet.memory import in_words
from martlet.storage.caches import cache_folder
from martlet.storage.files import replacing

TIMEOUT_SECONDS = 60.0  # without a byte
_BLOCK_BYTES = 1 << 20


def download(
    pattern: str, limit: int | None, progress: Progress | None = None
) -> tuple[Path, list[str]]:
    """The folder that the shards of a pattern lie in now, with the index beside them if there is
    one, and their names. What lies there whole is not asked for again.

    limit: bytes of all shards together. Raises MartletError above it, for what the server does not
    give, and when the disk has no room.
    """
    urls = expand(pattern)
    key = hashlib.blake2b(urljoin(urls[0], ".").encode(), digest_size=8).hexdigest()
    folder = cache_folder() / f"shards-{key}"
    names = [Path(urlsplit(url).path).name for url in urls]
    sizes = [_size(url) for url in urls]
    total = sum(size or 0 for size in sizes)
    if limit is not None and total > limit:
        raise MartletError(
            f"the shards of {pattern!r} have {in_words(total)}, more than cache_limit allows "
            f"({in_words(limit)}); allow more, or name fewer shards."
        )
    folder.mkdir(parents=True, exist_ok=True)
    lacking = [n for n, size in enumerate(sizes) if _here(folder / names[n]) != (size or -1)]
    free, needed = shutil.disk_usage(folder).free, sum(sizes[n] or 0 for n in lacking)
    if needed > free:
        raise MartletError(
            f"the shards of {pattern!r} need {in_words(needed)}, and {folder} has "
            f"{in_words(free)} left; set MARTLET_CACHE to a folder with enough room."
        )
    for done, n in enumerate(lacking):
        _fetch(urls[n], folder / names[n], sizes[n])
        if progress is not None:
            progress(done + 1, len(lacking))
    index = urljoin(urls[0], NAME)
    try:
        _fetch(index, folder / NAME, None)
    except MartletError:  # others' shards have none
        (folder / NAME).unlink(missing_ok=True)
    return folder, names


def _here(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -2


def _size(url: str) -> int | None:
    """Bytes, where the server says them."""
    asked = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT_SECONDS) as answer:
            length = answer.headers.get("Content-Length", "")
            return int(length) if length.isdecimal() else None
    except (OSError, HTTPException, ValueError) as error:
        raise _unreachable(url, error) from error


def _fetch(url: str, path: Path, size: int | None) -> None:
    """A file, whole or not at all."""
    way_out = "set MARTLET_CACHE to a folder with enough room"
    with replacing(path, way_out) as beside, open(beside, "wb") as file:
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
                while block := answer.read(_BLOCK_BYTES):
                    file.write(block)
        except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
            raise _unreachable(url, error) from error
        if size is not None and file.tell() != size:
            raise MartletError(f"{url!r} ended at {file.tell():,} of {size:,} bytes; try again.")


def _unreachable(url: str, error: Exception) -> MartletError:
    return MartletError(f"{url!r} could not be fetched ({error}); the same command tries again.")
