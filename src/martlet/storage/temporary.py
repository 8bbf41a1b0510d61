"""A large file that is whole or not there, whoever else writes it at the same time.

Written under a temporary name that is locked while its process lives, then renamed.
"""

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from martlet.errors import MartletError

if sys.platform != "win32":
    import fcntl


@contextlib.contextmanager
def temporary(path: Path) -> Iterator[IO[bytes]]:
    """A new file that becomes `path` when the block ends well, and is removed when it does not.

    What a killed process left behind earlier is removed first. Raises MartletError when the file
    cannot be written, on a full disk for instance; the old file at `path` stays as it was.
    """
    written: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(path.parent)
        file, written = _create(path)
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if sys.platform == "win32":
                file.close()  # there an open file can be neither renamed nor removed
            os.replace(written, path)
            written = None
    except OSError as error:
        raise MartletError(
            f"the pixel cache {str(path)!r} cannot be written ({error.strerror or error}); set "
            "MARTLET_CACHE to a folder with enough room."
        ) from error
    finally:
        if written is not None:
            with contextlib.suppress(OSError):
                os.unlink(written)


def remove_stale(folder: Path) -> None:
    """Remove temporary files whose process is gone: nobody holds their lock."""
    for left in folder.glob(".*.partial"):
        with contextlib.suppress(OSError), open(left, "rb") as file:
            _lock(file)
            if sys.platform == "win32":
                file.close()
            os.unlink(left)


def _create(path: Path) -> tuple[IO[bytes], Path]:
    while True:
        written = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        file = open(written, "xb", buffering=1 << 20)  # noqa: SIM115, closed by `temporary`
        try:
            _lock(file)
        except BlockingIOError:  # another process just took the new file for a stale one
            file.close()
            continue
        except OSError:  # a file system without locks
            return file, written
        if written.exists():
            return file, written
        file.close()


def _lock(file: IO[bytes]) -> None:
    """Take the lock that lasts until the file is closed or its process is gone.

    Raises BlockingIOError when another process holds it.
    """
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
