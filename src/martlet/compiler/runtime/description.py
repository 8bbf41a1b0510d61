"""NAME.json: what is known about a compiled network, beside its library."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from martlet.errors import MartletError

Shape = tuple[int, ...]
FORMAT = 1  # of NAME.json; a reader refuses a higher number
LATER = ("stream_bytes", "stream_stride")  # that files of earlier versions lack
TYPES = ("bool", *(f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")))
MARK = "martlet compile"  # its first words, by which it is known among other JSON files


@dataclass(frozen=True)
class Description:
    """What stands in NAME.json beside the library."""

    name: str
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
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
    stream_bytes: int = 0  # memory of a recording whose samples are pushed; 0: none can be
    stream_stride: int = 0  # samples from one of its windows to the next
    types: dict[str, str] = field(default_factory=dict)  # of inputs and outputs not of float32
    meta: dict[str, Any] = field(default_factory=dict)  # the ONNX file's: classes, preprocessing

    @property
    def sizes(self) -> list[int]:
        """All that safe memory hangs on; the library holds the same numbers, their count first."""
        tensors = [*self.inputs.values(), *self.outputs.values()]
        sides = [number for shape in tensors for number in (len(shape), *shape)]
        rest = [self.workspace_bytes, self.weight_bytes, self.lanes, self.weights == "file"]
        rest += [self.stream_bytes] if self.stream_bytes else []
        rest += [self.dtype(name).itemsize for name in self.types]
        found = [len(self.inputs), len(self.outputs), *sides, *map(int, rest)]
        return [len(found) + 1, *found]

    def dtype(self, name: str) -> np.dtype[Any]:
        """Of the numbers of an input or output."""
        return np.dtype(self.types.get(name, "float32"))

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

    Raises MartletError when it is damaged or of a newer format. A network of constants has no
    inputs, but each has outputs.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        number = content["format"]
        if number > FORMAT:
            raise MartletError(
                f"{path} has format {number}, made by a newer martlet; this one reads up to "
                f"{FORMAT}: upgrade martlet or compile again."
            )
        content = {**dict.fromkeys(LATER, 0), "types": {}, **content}
        known = {item.name: content[item.name] for item in fields(Description)}
        for side in ("inputs", "outputs"):
            known[side] = {key: tuple(map(int, shape)) for key, shape in known[side].items()}
        if not known["outputs"]:
            raise MartletError(f"{path} has no outputs; `martlet compile` makes it again.")
        counts = ("workspace_bytes", "weight_bytes", "macs", "moved_bytes", "lanes", "threads")
        if any(type(known[word]) is not int or known[word] < 0 for word in (*counts, *LATER)):
            raise TypeError
        if not isinstance(known["library"], str | None):
            raise TypeError
        ends = (*known["inputs"], *known["outputs"])
        if any(name not in ends or kind not in TYPES for name, kind in known["types"].items()):
            raise TypeError
        return Description(**known)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, MartletError):
            raise
        raise MartletError(f"{path} is damaged; `martlet compile` makes it again.") from error
