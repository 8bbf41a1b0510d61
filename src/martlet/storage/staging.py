"""A folder whose files change all together, whoever else reads or writes it at the same time.

The lock is the folder's own (`flock`): it leaves no file, and ends with the process. Where the
system or the file system has none, nothing is locked, and nothing of killed processes is removed.
"""

import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from martlet.errors import MartletError

if sys.platform != "win32":
    import fcntl

TEMPORARY = re.compile(r"\.martlet-[0-9a-f]{8}\.tmp")


@contextmanager
def staging(folder: str | Path, old: Sequence[str] = ()) -> Iterator[Path]:
    """A temporary folder inside `folder`, whose files move up into it when the block ends well.

    Files of the same names are replaced, and those named in `old` that the block did not write are
    removed. When the block fails, or the disk refuses (MartletError), `folder` holds what it held
    before, and is not there if it was not. Processes with the same `folder` move one after the
    other: the files there are always those of one. What a killed one left behind is removed.
    """
    folder = Path(folder)
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    inside = folder / f".martlet-{secrets.token_hex(4)}.tmp"
    done, alive = False, None
    try:
        alive = _start(folder, inside)
        yield inside
        with locked(folder):
            written = sorted(path.name for path in inside.iterdir())
            for name in written:
                os.replace(inside / name, folder / name)
            for name in set(old).difference(written):
                (folder / name).unlink(missing_ok=True)
        done = True
    except OSError as error:
        reason = error.strerror or str(error)
        raise MartletError(f"{folder} could not be written ({reason}).") from error
    finally:
        shutil.rmtree(inside, ignore_errors=True)
        if alive is not None:
            os.close(alive)
        for parent in [] if done else made:
            with suppress(OSError):
                parent.rmdir()


@contextmanager
def locked(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Keep other processes from moving files into the folder; several may share the lock.

    Whoever shares it goes on without where the folder is not there or must not be listed.
    """
    try:
        held = _lock(folder, shared=shared)
    except OSError:
        if not shared:
            raise
        held = None
    try:
        yield
    finally:
        if held is not None:
            os.close(held)


def _start(folder: Path, inside: Path) -> int | None:
    """Make the temporary folder; its lock, which says that this process lives."""
    for last in (*[False] * 9, True):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with locked(folder):
                _sweep(folder)
                inside.mkdir()
                return _lock(inside)
        except FileNotFoundError:  # another process, which failed, removed what it had made
            if last:
                raise
    return None


def _lock(folder: Path, *, shared: bool = False, wait: bool = True) -> int | None:
    """An open folder, locked until it is closed; None where there are no locks.

    Raises BlockingIOError when another process holds it and `wait` is off.
    """
    if sys.platform == "win32":
        return None
    held = os.open(folder, os.O_RDONLY)
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
    """Remove temporary folders of our own whose process is gone: nobody holds their lock."""
    for left in folder.iterdir():
        with suppress(OSError):
            ours = TEMPORARY.fullmatch(left.name) and left.is_dir() and not left.is_symlink()
            if not ours or left.stat().st_uid != os.getuid():
                continue
            held = _lock(left, wait=False)
            if held is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(held)
