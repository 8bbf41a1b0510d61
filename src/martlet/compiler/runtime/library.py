"""A compiled library for this process alone: built, loaded, and gone from the disk."""

import ctypes
import tempfile
from collections.abc import Sequence
from pathlib import Path

from martlet.compiler.codegen.emit import Emitted
from martlet.compiler.runtime.network import load_library
from martlet.compiler.toolchain import build


def load_once(
    emitted: Emitted, source: str, compiler: str | None, flags: Sequence[str] = ()
) -> ctypes.CDLL:
    """The library of `source`, the run's text or the timed one; `flags` stand behind all others."""
    name, target = emitted.facts.program.name, emitted.facts.target
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        (folder / f"{name}.c").write_text(source, encoding="ascii")
        (folder / f"{name}.h").write_text(emitted.header, encoding="ascii")
        (folder / f"{name}.bin").write_bytes(emitted.weights)
        built = folder / f"{name}{target.suffix}"
        build(folder / f"{name}.c", built, target, compiler, [f"{name}_run"], flags)
        return load_library(built)
