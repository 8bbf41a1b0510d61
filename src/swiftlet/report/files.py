"""Write a file whole or not at all."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from swiftlet.errors import SwiftletError


def write_whole(path: str | Path, content: bytes) -> None:
    """Write `content` beside `path` under a temporary name, then rename it to `path`.

    A reader sees the old file or the new one, never a part of one.

    Raises:
        SwiftletError: the file cannot be written; a file that stood there is unchanged.
    """
    path = Path(path)
    temporary = path.parent / f".{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SwiftletError(
            f"cannot write {str(path)!r}: {reason}; a file that stood there is unchanged."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
