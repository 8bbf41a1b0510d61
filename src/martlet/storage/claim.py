"""One writer a folder, named to all others."""

import errno
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from martlet.errors import MartletError

if TYPE_CHECKING:
    from filelock import FileLock

CLAIM = ".martlet.lock"  # the file; it is there while the folder is claimed, and after a kill
NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}


@contextmanager
def claimed(folder: Path, wait: float = 0.0) -> Iterator[None]:
    """Keep other processes, and threads, that claim `folder` too from it while the block runs.

    The folder is made when it is missing, and removed again when nothing was put into it. What a
    killed process claimed is free, though its children may live on. Where the file system has no
    locks, nothing is claimed.

    Raises MartletError, which names the other process, after `wait` seconds, and when the folder
    cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise MartletError(f"{folder} is a file; choose another name.")
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    from filelock import FileLock

    path = folder / CLAIM
    lock, taken = FileLock(path, fallback_to_soft=False), False
    try:
        _take(lock, path, wait)
        taken = True
        yield
    finally:
        if taken or lock.is_locked:  # a full disk may take the file, and nothing in it
            with suppress(OSError):  # while it is held: whoever waits for this file makes a new one
                path.unlink()
        lock.release()
        for parent in made:
            with suppress(OSError):
                parent.rmdir()


def _take(lock: "FileLock", path: Path, wait: float) -> None:
    from filelock import Timeout

    try:
        for last in (*[False] * 9, True):
            try:
                # FileExistsError: gone again before mkdir looked whether it is a folder.
                path.parent.mkdir(parents=True, exist_ok=True)
                lock.acquire(timeout=wait)
                break
            except (FileExistsError, FileNotFoundError):  # the other process removed what it made
                if last:
                    raise
        since = f"{datetime.now():%Y-%m-%d %H:%M:%S}"
        path.write_text(f"process {os.getpid()} on {platform.node()} since {since}")
    except Timeout:
        holder = ""
        with suppress(OSError):
            holder = path.read_text()
        raise MartletError(
            f"{path.parent} is being written by {holder or 'another process'}; wait until it has "
            "ended, or choose another name."
        ) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            reason = error.strerror or error
            raise MartletError(f"{path.parent} could not be written ({reason}).") from error
