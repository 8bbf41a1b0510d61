"""The content of an annotation file, or a sentence on why there is none."""

import os
import stat
from pathlib import Path

from martlet.errors import MartletError, shortened

MEBIBYTE = 1 << 20


def read_content(path: Path, most_bytes: int) -> bytes:
    """Content of a regular file. Raises MartletError for a missing, other or larger one."""
    try:
        found = os.stat(path)
        if stat.S_ISREG(found.st_mode) and found.st_size <= most_bytes:
            with open(path, "rb") as file:
                return file.read()
    except OSError as error:
        raise MartletError(f"{str(path)!r} cannot be read ({error.strerror or error}).") from error
    except ValueError as error:  # a null character in the name
        raise MartletError(f"{str(path)!r} is not a file name ({error}).") from error
    if not stat.S_ISREG(found.st_mode):
        raise MartletError(f"{str(path)!r} is not a regular file.")
    raise MartletError(
        f"{str(path)!r} has {found.st_size:,} bytes; up to {most_bytes:,} are accepted."
    )


def read_text(path: Path, most_bytes: int) -> str:
    """Text of a file in UTF-8, with or without a byte order mark; lines end with "\\n" alone.

    Raises MartletError for a file that cannot be read, and one in another encoding.
    """
    try:
        text = read_content(path, most_bytes).decode("utf-8-sig")
    except UnicodeError as error:
        raise MartletError(
            f"{str(path)!r} is no text in UTF-8 ({shortened(str(error), 60)}); save it as UTF-8."
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def head_of(path: Path, count: int) -> bytes:
    """The first bytes of a regular file; none of what cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
        with open(path, "rb") as file:
            return file.read(count)
    except (OSError, ValueError):
        return b""
