"""Locks that leave no file and end with their process, and temporary names that they guard.

They are `flock`'s, on the very file or folder: filelock's need a file of their own, and cannot be
shared. Where the system or the file system has none, nothing is locked, and nothing of killed
processes is removed.
"""

import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

TEMPORARY = re.compile(r"\.martlet-[0-9a-f]{8}\.tmp")


@contextmanager
def locked(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Keep other processes from moving files into the folder; several may share the lock.

    Whoever shares it goes on without where the folder is not there. A temporary folder is its
    process's own already.
    """
    try:
        held = None if TEMPORARY.fullmatch(folder.name) else _hold(folder, shared=shared)
    except OSError:
        if not shared:
            raise
        held = None
    try:
        yield
    finally:
        if held is not None:
            os.close(held)


@contextmanager
def temporary(folder: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """A new file or folder inside `folder`, made by `make`, that is gone when the block ends.

    What a killed process left there is removed first. `folder` is made when it is missing.
    """
    inside, alive = _start(folder, make)
    try:
        yield inside
    finally:
        _remove(inside)
        if alive is not None:
            os.close(alive)


def _start(folder: Path, make: Callable[[Path], None]) -> tuple[Path, int | None]:
    """Its name, and its lock, which says that this process lives; readers may share it."""
    for last in (*[False] * 9, True):
        try:
            # FileExistsError: gone again before mkdir looked whether it is a folder.
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder):  # what another process has just made would look stale to `_sweep`
                _sweep(folder)
                inside = folder / f".martlet-{secrets.token_hex(4)}.tmp"
                make(inside)
                return inside, _hold(inside, shared=True)
        except (
            FileExistsError,
            FileNotFoundError,
        ):  # another process, which failed, removed what it had made
            if last:
                raise
    raise AssertionError


def _hold(path: Path, *, shared: bool = False, wait: bool = True) -> int | None:
    """An open file or folder, locked until it is closed; None where it cannot be locked.

    Raises BlockingIOError when another process holds it and `wait` is off.
    """
    if sys.platform == "win32":
        return None
    try:
        held = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder that takes files and must not be listed
        return None
    try:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(held, kind if wait else kind | fcntl.LOCK_NB)
    except BaseException as error:
        os.close(held)
        if isinstance(error, OSError) and not isinstance(error, BlockingIOError):
            return None
        raise
    return held


def _sweep(folder: Path) -> None:
    """Remove temporary files and folders of our own that no process holds."""
    with suppress(PermissionError):
        for left in folder.iterdir():
            with suppress(OSError):
                ours = TEMPORARY.fullmatch(left.name) and not left.is_symlink()
                if not ours or left.stat().st_uid != os.getuid():
                    continue
                held = _hold(left, wait=False)
                if held is not None:
                    _remove(left)
                    os.close(held)


def _remove(left: Path) -> None:
    with suppress(OSError):
        left.unlink()
    shutil.rmtree(left, ignore_errors=True)
