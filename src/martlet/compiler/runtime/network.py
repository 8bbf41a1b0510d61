"""A compiled network in Python: numpy in, numpy out. Needs numpy and the files, nothing else."""

import ctypes
import hashlib
import json
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from martlet.compiler.options import path as path_of
from martlet.compiler.options import text
from martlet.compiler.runtime.inputs import FLOAT, checked, fit
from martlet.compiler.targets import here, native
from martlet.errors import MartletError
from martlet.storage.locks import locked

if TYPE_CHECKING:
    from martlet.compiler.profile import Profile

FORMAT = 1  # of NAME.json; a reader refuses a higher number
MARK = "martlet compile"  # its first words, by which it is known among other JSON files

LOADED: dict[str, ctypes.CDLL] = {}  # by fingerprint: no library, and no thread of it, ever ends


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
    machine: str  # that the library runs on
    system: str
    lanes: int  # floats of its vectors
    library: str | None  # its file, or None when only the sources were written
    weights: str  # "embedded", "text" or "file"
    library_bytes: int | None = None  # of that file
    library_fingerprint: str = ""
    fingerprint: str = ""  # of the weights
    threads: int = 1  # that share each run
    meta: dict[str, Any] = field(default_factory=dict)  # the ONNX file's: classes, preprocessing

    def to_json(self) -> str:
        """The text of NAME.json."""
        return json.dumps({"made_by": MARK, "format": FORMAT, **asdict(self)}, indent=1) + "\n"


def find(folder: str | Path, name: str | None = None) -> Path | None:
    """The NAME.json of the compiled network in `folder`; None when there is none.

    Raises MartletError when there are several and `name` does not say which.
    """
    folder = Path(folder)
    if name is not None:
        return next((path for path in (folder / f"{name}.json",) if _is_ours(path)), None)
    found = [path for path in sorted(folder.glob("*.json")) if _is_ours(path)]
    if len(found) > 1:
        names = ", ".join(path.stem for path in found)
        raise MartletError(f"{folder} holds several compiled networks; name one of {names}.")
    return found[0] if found else None


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return MARK.encode() in file.read(64)


def read_description(path: Path) -> Description:
    """The content of a NAME.json.

    Raises MartletError when it is damaged or of a newer format.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        number = content["format"]
        if number > FORMAT:
            raise MartletError(
                f"{path} has format {number}, made by a newer martlet; this one reads up to "
                f"{FORMAT}: upgrade martlet or compile again."
            )
        known = {item.name: content[item.name] for item in fields(Description)}
        for side in ("inputs", "outputs"):
            known[side] = {key: tuple(map(int, shape)) for key, shape in known[side].items()}
        counts = ("workspace_bytes", "weight_bytes", "macs", "moved_bytes", "lanes", "threads")
        if any(type(known[word]) is not int or known[word] < 0 for word in counts):
            raise TypeError
        if not isinstance(known["library"], str | None):
            raise TypeError
        return Description(**known)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, MartletError):
            raise
        raise MartletError(f"{path} is damaged; `martlet compile` makes it again.") from error


class CompiledNetwork:
    """The shared library of a network; `net(x)` runs it, from any number of threads at a time.

    `description` says what it takes and gives; it is there for other machines' libraries too.
    """

    def __init__(self, folder: str | Path, name: str | None = None) -> None:
        self.profile: Profile | None = None  # when its layers were timed
        self._own = threading.local()  # a workspace for each thread
        folder = path_of("folder", folder, "the path of a compiled network")
        name = text("name", name, "the name of a network in the folder")
        with locked(folder, shared=True):  # all files of the same compilation
            path = find(folder, name)
            if path is None:
                raise MartletError(
                    f"{folder} holds no compiled network; `martlet compile` makes one."
                )
            self.folder = path.parent
            self.description = read_description(path)
            about = self.description
            self._shapes = tuple(about.inputs.values()), tuple(about.outputs.values())
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
        return {"folder": self.folder, **asdict(self.description), "profile": profile}

    def __call__(self, *inputs: ArrayLike) -> Any:
        """The output (a tuple of several) for inputs of the shapes compiled for.

        Other numbers than float32 are converted, and a batch that is a multiple of the compiled one
        is run piece by piece. Raises MartletError for other inputs, and for a library that is
        missing or made for another machine.
        """
        if self._refusal:
            raise MartletError(self._refusal)
        if not fit(inputs, self._shapes[0]):
            return self._converted(inputs)
        outputs = [np.empty(shape, FLOAT) for shape in self._shapes[1]]
        places = [array.__array_interface__["data"][0] for array in (*inputs, *outputs)]
        self._run(*places, self._workspace(), *self._given)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def _converted(self, inputs: Sequence[Any]) -> Any:
        """Of inputs that are other numbers, or several batches, one behind the other."""
        wanted = self.description
        ready = checked(inputs, wanted.inputs, wanted.outputs, wanted.name)
        shapes = [*wanted.inputs.values(), *wanted.outputs.values()]
        turns = len(ready[0]) // shapes[0][0] if ready and shapes[0] and shapes[0][0] else 1
        outputs = [np.empty(_times(turns, shape), FLOAT) for shape in wanted.outputs.values()]
        places = [array.__array_interface__["data"][0] for array in (*ready, *outputs)]
        for turn in range(turns):
            if turn:
                sizes = (4 * prod(shape) for shape in shapes)
                places = [place + size for place, size in zip(places, sizes, strict=True)]
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
        self._run.restype = None
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


def fingerprint(content: bytes | memoryview) -> str:
    """What tells these weights, or this library, from others."""
    return hashlib.sha256(content).hexdigest()[:16]


def _times(turns: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return (turns * shape[0], *shape[1:]) if shape else ()


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
