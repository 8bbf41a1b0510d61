"""The files that a compilation leaves, and the library that is gone from the disk once loaded."""

import ctypes
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from martlet.compiler.codegen.boxes_header import boxes_header
from martlet.compiler.codegen.emit import Emitted
from martlet.compiler.codegen.preprocess_header import picture_header
from martlet.compiler.codegen.samples_header import samples_header
from martlet.compiler.codegen.unknown_header import unknown_header
from martlet.compiler.codegen.weights import as_text
from martlet.compiler.runtime.description import Description, find
from martlet.compiler.runtime.library import load_library
from martlet.compiler.targets import SUFFIXES, Target
from martlet.compiler.toolchain import build
from martlet.errors import MartletError
from martlet.storage.fingerprint import fingerprint
from martlet.storage.locks import locked

ENDINGS = (
    *(".bin", "_weights.h", "_picture.h", "_samples.h", "_unknown.h", "_boxes.h", ".lib"),
    *SUFFIXES.values(),
)


def files_of(folder: Path) -> list[Path]:
    """Where the files of all networks that were compiled into `folder` are, or would be."""
    names = [path.stem for path in folder.glob("*.json") if find(folder, path.stem) is not None]
    endings = (".c", ".h", ".json", "_layers.csv", "_layers.png", *ENDINGS)
    return [folder / f"{name}{ending}" for name in names for ending in endings]


def check_ours(out: Path, name: str) -> None:
    """Raises MartletError when files to be written are there and not from an earlier time."""
    with locked(out, shared=True):  # another process has moved all of its files there, or none
        if find(out, name) is not None:
            return
        for path in (out / f"{name}{ending}" for ending in (".c", ".h", ".json", *ENDINGS)):
            if path.exists():
                raise MartletError(
                    f"{path} was not made by martlet and would be lost; give another folder or "
                    "name."
                )


def write(
    folder: Path, emitted: Emitted, meta: dict[str, Any], compiler: str | None, library: bool
) -> None:
    facts = emitted.facts
    name, target = facts.program.name, facts.target
    (folder / f"{name}.c").write_text(emitted.source, encoding="ascii")
    (folder / f"{name}.h").write_text(emitted.header, encoding="ascii")
    of_input = {
        "picture": picture_header(name, meta),
        "samples": samples_header(facts, meta),
        "unknown": unknown_header(name, meta),
        "boxes": boxes_header(facts, meta),
    }
    for ending, text in of_input.items():
        if text is not None:
            (folder / f"{name}_{ending}.h").write_text(text, encoding="ascii")
    if facts.weights == "text":
        text = as_text(emitted.weights)
        (folder / f"{name}_weights.h").write_text(text, encoding="ascii")
    else:
        (folder / f"{name}.bin").write_bytes(emitted.weights)
    made = f"{name}{target.suffix}" if library else None
    about = Description(
        name=name,
        inputs={key: facts.program.shape(maps) for key, maps in facts.program.inputs},
        outputs={key: facts.program.shape(maps) for key, maps in facts.program.outputs},
        workspace_bytes=facts.workspace_bytes,
        weight_bytes=facts.weight_bytes,
        macs=facts.macs,
        moved_bytes=facts.moved_bytes,
        target=target.name,
        machine=target.machine,
        system=target.system,
        lanes=target.lanes,
        library=made,
        fingerprint=facts.fingerprint,
        weights=facts.weights,
        threads=facts.schedule.threads,
        stream_bytes=facts.stream_bytes,
        stream_stride=facts.schedule.stride,
        types={
            key: maps.dtype.name
            for key, maps in (*facts.program.inputs, *facts.program.outputs)
            if maps.dtype.name != "float32"
        },
        meta=meta,
    )
    if made is not None:
        _build(folder, made, about, target, compiler)
        content = (folder / made).read_bytes()
        about = replace(about, library_bytes=len(content), library_fingerprint=fingerprint(content))
    (folder / f"{name}.json").write_text(about.to_json(), encoding="utf-8")


def _build(
    folder: Path, made: str, about: Description, target: Target, compiler: str | None
) -> None:
    """The library, and in it the sizes that whoever loads it compares with NAME.json."""
    name = about.name
    words = ["run", "workspace_bytes", "description", "sizes", *["push"] * bool(about.stream_bytes)]
    exports = [f"{name}_{word}" for word in words]
    more = ["-pthread"] if about.threads > 1 else []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        sizes = Path(scratch) / "sizes.h"
        numbers = ", ".join(map(str, about.sizes))
        sizes.write_text(f"const unsigned long long {name}_sizes[] = {{{numbers}}};\n")
        more += ["-include", str(sizes)]
        build(folder / f"{name}.c", folder / made, target, compiler, exports, more)


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
