"""A folder whose files change all together, whoever else reads or writes it at the same time."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from martlet.errors import MartletError
from martlet.storage.locks import locked, temporary


@contextmanager
def staging(folder: str | Path, old: Iterable[str] = (), last: str = "") -> Iterator[Path]:
    """A temporary folder inside `folder`, whose files move up into it when the block ends well.

    Files of the same names are replaced, `last` after the others, and those named in `old` that
    the block did not write are removed, with the subfolders that this empties. When the block
    fails, or the disk refuses (MartletError), `folder` holds what it held before, and is not there
    if it was not. Processes with the same `folder` move one after the other: the files there are
    always those of one.
    """
    folder = Path(folder)
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    done = False
    try:
        with temporary(folder, Path.mkdir) as inside:
            yield inside
            with locked(folder):
                written = sorted(path.name for path in inside.iterdir())
                written.sort(key=lambda name: name == last)
                for name in written:
                    os.replace(inside / name, folder / name)
                for path in (folder / name for name in set(old).difference(written)):
                    path.unlink(missing_ok=True)
                    if path.parent != folder:
                        with suppress(OSError):
                            path.parent.rmdir()
            done = True
    except OSError as error:
        reason = error.strerror or str(error)
        raise MartletError(f"{folder} could not be written ({reason}).") from error
    finally:
        for parent in [] if done else made:
            with suppress(OSError):
                parent.rmdir()
