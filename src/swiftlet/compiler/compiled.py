"""A compiled network in Python: numpy in, numpy out."""

import ctypes
import json
import shutil
import tempfile
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swiftlet.errors import SwiftletError

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Description:
    """What stands in NAME.json beside the library."""

    name: str
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]
    workspace_bytes: int
    weight_bytes: int
    macs: int
    moved_bytes: int
    target: str
    meta: dict[str, Any]  # the ONNX file's own: classes and preprocessing, when swiftlet wrote it


class CompiledNetwork:
    """The shared library of a network; `net(x)` runs it. Each call has a workspace of its own."""

    def __init__(self, folder: str | Path, name: str | None = None) -> None:
        folder = Path(folder)
        found = sorted(folder.glob("*.json")) if name is None else [folder / f"{name}.json"]
        if len(found) != 1 or not found[0].is_file():
            raise SwiftletError(f"{folder} holds no compiled network; `swiftlet compile` makes one.")
        content = json.loads(found[0].read_text(encoding="utf-8"))
        for side in ("inputs", "outputs"):
            content[side] = {key: tuple(shape) for key, shape in content[side].items()}
        self.description = Description(**content)
        library = found[0].with_suffix(".so")
        if not library.is_file():
            raise SwiftletError(f"{library} is missing; `swiftlet compile` makes it again.")
        self._library = _load(library)
        self._run = getattr(self._library, f"{self.description.name}_run")

    def __call__(self, *inputs: Array) -> Array:
        """The network's output for its inputs; a batch is run one after the other.

        Raises SwiftletError for another number of inputs or another shape.
        """
        wanted = self.description
        if len(inputs) != len(wanted.inputs):
            raise SwiftletError(f"{wanted.name} takes {len(wanted.inputs)} inputs, not {len(inputs)}.")
        ready = [np.ascontiguousarray(x, np.float32) for x in inputs]
        for x, (name, shape) in zip(ready, wanted.inputs.items(), strict=True):
            if x.shape[1:] != shape[1:] or x.shape[0] % shape[0]:
                raise SwiftletError(f"the input {name!r} has shape {x.shape}; accepted: {shape}.")
        turns = len(ready[0]) // next(iter(wanted.inputs.values()))[0]
        outputs = [
            np.empty((turns * shape[0], *shape[1:]), np.float32)
            for shape in wanted.outputs.values()
        ]
        workspace = np.empty(wanted.workspace_bytes, np.uint8)
        for turn in range(turns):
            at = [
                array.ctypes.data + 4 * turn * prod(shape)
                for array, shape in zip(
                    [*ready, *outputs],
                    [*wanted.inputs.values(), *wanted.outputs.values()],
                    strict=True,
                )
            ]
            self._run(*map(ctypes.c_void_p, (*at, workspace.ctypes.data)))
        return outputs[0]


def _load(library: Path) -> ctypes.CDLL:
    """Load a private copy: a library that is made anew must not change under one that runs."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(library, folder)
        try:
            return ctypes.CDLL(str(copy))
        except OSError as error:
            raise SwiftletError(f"{library} does not run on this machine ({error}).") from error
