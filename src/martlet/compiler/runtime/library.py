"""A shared library in this process: a private copy, loaded once, and never unloaded."""

import ctypes
import tempfile
from pathlib import Path

from martlet.errors import MartletError
from martlet.storage.fingerprint import fingerprint

LOADED: dict[str, ctypes.CDLL] = {}  # by fingerprint: no library, and no thread of it, ever ends


def load_library(library: Path, expected: str | None = None) -> ctypes.CDLL:
    """Load a private copy: a library that is made anew must not change under one that runs.

    One with the `expected` fingerprint, which the file must have, is loaded once in a process.
    Raises MartletError when it does not run here.
    """
    try:
        content = library.read_bytes()
        if expected is not None and fingerprint(content) != expected:
            raise MartletError(f"{library} is damaged; `martlet compile` makes it again.")
        if expected in LOADED:
            return LOADED[expected]
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            copied = Path(folder) / library.name
            copied.write_bytes(content)
            loaded = ctypes.CDLL(str(copied))
    except OSError as error:
        raise MartletError(
            f"{library} cannot be loaded ({error}): it must be one for this machine, and TMPDIR a "
            "folder that takes a copy and lets it run."
        ) from error
    if expected is not None:
        LOADED[expected] = loaded
    return loaded
