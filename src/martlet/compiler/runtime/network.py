"""A compiled network in Python: numpy in, numpy out. Needs numpy and the files, nothing else."""

import ctypes
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from martlet.arguments import checked as typed
from martlet.compiler.options import text
from martlet.compiler.runtime.description import find, read_description
from martlet.compiler.runtime.inputs import FLOAT, checked, fit
from martlet.compiler.runtime.layer_times import Profile
from martlet.compiler.runtime.library import load_library
from martlet.compiler.targets import here, native
from martlet.errors import MartletError
from martlet.storage.fingerprint import fingerprint
from martlet.storage.locks import locked


class CompiledNetwork:
    """The shared library of a network; `net(x)` runs it, from any number of threads at a time.

    `description` says what it takes and gives; it is there for other machines' libraries too.
    """

    def __init__(self, folder: str | Path, name: str | None = None) -> None:
        self.profile: Profile | None = None  # when its layers were timed
        self.max_difference: float | None = None  # from its model, when they were compared
        self._own = threading.local()  # a workspace for each thread
        place: Path = typed("folder", folder, Path)
        name = text("name", name)
        with locked(place, shared=True):  # all files of the same compilation
            path = find(place, name)
            if path is None:
                raise MartletError(
                    f"{place} holds no compiled network; `martlet compile` makes one."
                )
            self.folder = path.parent
            self.description = read_description(path)
            about = self.description
            self._shapes = tuple(about.inputs.values()), tuple(about.outputs.values())
            self._types = (
                tuple(map(about.dtype, about.inputs)),
                tuple(map(about.dtype, about.outputs)),
            )
            self._refusal = self._why_not()
            if not self._refusal:
                self._open(self.folder / str(self.description.library))

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, or what another process unpickles, is read from the same folder."""
        made = (self.folder.resolve(), self.description.name)
        return type(self), made, {"profile": self.profile}

    def __repr__(self) -> str:
        about = self.description
        return f"CompiledNetwork({str(self.folder)!r}, {about.name!r}, target={about.target!r})"

    def to_dict(self) -> dict[str, Any]:
        """All that is known about it, for JSON."""
        profile = None if self.profile is None else asdict(self.profile)
        more = {"profile": profile, "max_difference": self.max_difference}
        return {"folder": self.folder, **asdict(self.description), **more}

    def __call__(self, *inputs: ArrayLike) -> Any:
        """The output (a tuple of several) for inputs of the shapes compiled for.

        Other numbers than those it takes are converted, and a batch that is a multiple of the
        compiled one is run piece by piece. Raises MartletError for other inputs, and for a library
        that is missing or made for another machine.
        """
        if self._refusal:
            raise MartletError(self._refusal)
        if not fit(inputs, self._shapes[0], self._types[0]):
            return self._converted(inputs)
        outputs = list(map(np.empty, self._shapes[1], self._types[1]))
        places = [array.__array_interface__["data"][0] for array in (*inputs, *outputs)]
        self._run(*places, self._workspace(), *self._given)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def stream(self) -> Callable[[NDArray[np.float32]], NDArray[np.float32] | None]:
        """A recording of its own: takes its samples one by one, and returns the output for each
        window that they complete, else None.

        A sample is float32 (channels,), contiguous. Raises MartletError when it was compiled
        without `stream`, or does not run here.
        """
        about = self.description
        if self._refusal or not about.stream_bytes:
            raise MartletError(
                self._refusal or f"{about.name} takes no samples; compile it with stream=STRIDE."
            )
        memory = np.zeros(about.stream_bytes, np.uint8)
        (shape,) = self._shapes[1]

        def push(sample: NDArray[np.float32]) -> NDArray[np.float32] | None:
            output = np.empty(shape, FLOAT)
            arrays = (sample, output, memory)
            places = [array.__array_interface__["data"][0] for array in arrays]
            return output if self._push(*places, *self._given) else None

        return push

    def _converted(self, inputs: Sequence[Any]) -> Any:
        """Of inputs that are other numbers, or several batches, one behind the other."""
        wanted = self.description
        ready = checked(inputs, wanted)
        shapes = [*wanted.inputs.values(), *wanted.outputs.values()]
        turns = len(ready[0]) // shapes[0][0] if ready and shapes[0] and shapes[0][0] else 1
        outputs = [
            np.empty(_times(turns, shape), wanted.dtype(name))
            for name, shape in wanted.outputs.items()
        ]
        each = [
            array.itemsize * prod(shape)
            for array, shape in zip((*ready, *outputs), shapes, strict=True)
        ]
        places = [array.__array_interface__["data"][0] for array in (*ready, *outputs)]
        for turn in range(turns):
            if turn:
                places = [place + size for place, size in zip(places, each, strict=True)]
            self._run(*places, self._workspace(), *self._given)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def _workspace(self) -> int:
        """Address of this thread's workspace."""
        if not hasattr(self._own, "workspace"):
            self._own.workspace = np.empty(self.description.workspace_bytes, np.uint8)
            self._own.place = self._own.workspace.__array_interface__["data"][0]
        return int(self._own.place)

    def _why_not(self) -> str:
        """The sentence why it cannot run here, or ""."""
        about, this = self.description, here()
        if about.library is None:
            return (
                f"{self.folder} holds the sources of {about.name} alone; compile it with a library."
            )
        if (about.machine, about.system) != (this.machine, this.system):
            return (
                f"{about.name} was compiled for target={about.target!r} ({about.machine}, "
                f"{about.system}), which does not run here ({this.machine}, {this.system})."
            )
        if about.lanes > native().lanes > 1:
            return (
                f"{about.name} was compiled for target={about.target!r} with vectors of "
                f"{about.lanes} floats; this processor has {native().lanes}: compile it again."
            )
        library = self.folder / about.library
        if library.name != about.library or not library.is_file():
            return f"{library} is missing; `martlet compile` makes it again."
        if library.stat().st_size != about.library_bytes:  # half a library kills who loads it
            return f"{library} is damaged; `martlet compile` makes it again."
        return ""

    def _open(self, library: Path) -> None:
        about = self.description
        loaded = load_library(library, about.library_fingerprint)
        try:
            self._run = getattr(loaded, f"{about.name}_run")
        except AttributeError as error:
            raise MartletError(f"{library} holds no {about.name}; compile it again.") from error
        if _sizes(loaded, about.name, len(about.sizes)) != about.sizes:
            raise MartletError(
                f"{self.folder / about.name}.json does not describe {library.name}: their sizes "
                "differ; compile it again."
            )
        self._run.restype = None
        if about.stream_bytes:
            self._push = getattr(loaded, f"{about.name}_push")
            self._push.argtypes = [ctypes.c_void_p] * (3 + (about.weights == "file"))
        count = len(about.inputs) + len(about.outputs) + 1 + (about.weights == "file")
        self._run.argtypes = [ctypes.c_void_p] * count
        self._weights: NDArray[np.uint8] | None = None
        if about.weights == "file":
            path = self.folder / f"{about.name}.bin"
            if not path.is_file() or path.stat().st_size != about.weight_bytes:
                raise MartletError(f"{path} is missing or of another size; compile it again.")
            self._weights = np.fromfile(path, np.uint8)
            if fingerprint(self._weights.data) != about.fingerprint:
                raise MartletError(f"{path} holds other weights; compile it again.")
        self._given = () if self._weights is None else (self._weights.ctypes.data,)


def _sizes(library: ctypes.CDLL, name: str, count: int) -> list[int]:
    """What the library says of itself, `count` numbers if there are as many."""
    number = ctypes.c_ulonglong
    try:
        found = number.in_dll(library, f"{name}_sizes").value
        return list((number * min(found, count)).in_dll(library, f"{name}_sizes"))
    except ValueError:  # an older library
        return []


def _times(turns: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return (turns * shape[0], *shape[1:]) if shape else ()
