"""A file that is whole or not there, whoever else writes it, whatever kills the process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from martlet.errors import MartletError
from martlet.storage.locks import temporary


@contextmanager
def replacing(path: str | Path, way_out: str = "") -> Iterator[Path]:
    """An empty file beside `path` to write to; renamed onto it when the block ends well.

    Raises MartletError when the disk refuses (full, read-only, no permission), with `way_out` at
    its end. Whatever stood at `path` before stays whole until the very moment of the rename.
    """
    path = Path(path)
    try:
        with temporary(path.parent, Path.touch) as beside:
            yield beside
            with beside.open("rb+") as file:  # on the disk before the name points at it
                os.fsync(file.fileno())
            os.replace(beside, path)
    except OSError as error:
        reason = error.strerror or str(error)
        kept = "the earlier file is untouched" if path.exists() else "nothing was left there"
        raise MartletError(
            f"{path} could not be written ({reason}); {kept}{way_out and '; '}{way_out}."
        ) from error


def write_bytes(path: str | Path, content: bytes) -> None:
    """Replace the file at `path` by `content`, whole or not at all."""
    with replacing(path) as beside:
        beside.write_bytes(content)


def write_text(path: str | Path, content: str) -> None:
    """Replace the file at `path` by `content` in UTF-8, whole or not at all."""
    write_bytes(path, content.encode())
