"""Writing a file so that a kill or a full disk never leaves half of it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from martlet.errors import MartletError

MODEL = "model.safetensors"  # a run's best weights
RESUME = "resume.safetensors"  # its last step


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary name beside `path`; renamed onto it when the block ends well, else removed.

    Raises MartletError when the disk refuses (full, read-only, no permission). Whatever stood
    at `path` before stays whole until the very moment of the rename.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb+") as file:  # on the disk before the name points at it
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        kept = "the earlier file is untouched" if path.exists() else "nothing was left there"
        raise MartletError(f"{path} could not be written ({reason}); {kept}.") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_bytes(path: str | Path, content: bytes) -> None:
    """Replace the file at `path` by `content`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | Path, content: str) -> None:
    """Replace the file at `path` by `content` in UTF-8, whole or not at all."""
    write_bytes(path, content.encode())
