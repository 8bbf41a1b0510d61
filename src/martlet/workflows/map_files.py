"""The maps of a scene in their files: written strip by strip, and on from an earlier try.

They are written as any file, not through mapped memory: where a disk is full, writing to mapped
memory ends the whole process. An earlier map is replaced when the new one is whole.
"""

import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from martlet.errors import MartletError
from martlet.storage.files import write_text
from martlet.storage.staging import staging

CLASSES, PROBABILITY, LEGEND = "classes.npy", "probability.npy", "classes.csv"
UNFINISHED = "unfinished.json"  # how far an earlier try came; the maps of `growing` are its own
_ENDS = ("npy", "png", "tif", "hdr", "img")
FILES = (LEGEND, *(f"{stem}.{end}" for stem in ("classes", "probability") for end in _ENDS))


@dataclass(frozen=True)
class MapFiles:
    """Two maps of `shape` (rows, columns) in `folder`: number of the class, and its probability.

    key: what makes the maps, JSON-safe: an earlier try of another key is not gone on with.
    kind: type of the numbers.
    """

    folder: Path
    shape: tuple[int, int]
    kind: type[np.unsignedinteger[Any]]
    key: Any

    def growing(self, name: str) -> Path:
        """Where a map lies until it is whole."""
        return self.folder / f"unfinished.{name}"

    @contextmanager
    def opened(self) -> "Iterator[tuple[int, Maps]]":
        """The first row that is missing, and where rows are written to.

        Raises MartletError when the disk refuses; what is there stays, for another try.
        """
        start = self._rows_there()
        kinds: dict[str, Any] = {CLASSES: self.kind, PROBABILITY: np.float32}
        try:
            if not start:
                (self.folder / UNFINISHED).unlink(missing_ok=True)
                for name, kind in kinds.items():
                    self.growing(name).write_bytes(_header(self.shape, kind))
            with (
                self.growing(CLASSES).open("r+b") as classes,
                self.growing(PROBABILITY).open("r+b") as probability,
            ):
                yield start, Maps(self, classes, probability)
        except OSError as error:
            raise MartletError(
                f"the map in {self.folder} could not be written ({error.strerror or error}); the "
                "rows that are labelled stay there, and the same command goes on with them."
            ) from error

    @contextmanager
    def replacing(self) -> Iterator[Path]:
        """A folder for what belongs to the maps; it and they replace an earlier map together."""
        with staging(self.folder, [*FILES, UNFINISHED]) as inside:
            yield inside
            for name in (CLASSES, PROBABILITY):
                os.replace(self.growing(name), inside / name)

    def _rows_there(self) -> int:
        """Of an earlier try at these maps; 0 where it was another one, or is damaged."""
        rows, columns = self.shape
        try:
            state = json.loads((self.folder / UNFINISHED).read_text(encoding="utf-8"))
            done = int(state["rows"]) if state["key"] == self.key else 0
            for name, kind in ((CLASSES, self.kind), (PROBABILITY, np.float32)):
                header, size = _header(self.shape, kind), np.dtype(kind).itemsize
                with self.growing(name).open("rb") as file:
                    whole = file.read(len(header)) == header
                there = self.growing(name).stat().st_size
                if not whole or there < len(header) + done * columns * size:
                    return 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0
        return done if 0 < done <= rows else 0


@dataclass(frozen=True)
class Maps:
    """Where the rows of both maps are written to."""

    of: MapFiles
    classes: IO[bytes]
    probability: IO[bytes]

    def write(self, first: int, numbers: NDArray[Any], sure: NDArray[np.float32]) -> None:
        """Rows from `first` on, (some, columns): numbers of classes, and probabilities."""
        for file, kind, rows in (
            (self.classes, self.of.kind, numbers),
            (self.probability, np.float32, sure),
        ):
            content = np.ascontiguousarray(rows, kind)
            head = len(_header(self.of.shape, kind))
            file.seek(head + first * self.of.shape[1] * content.itemsize)
            file.write(content.data)
            file.flush()
        text = json.dumps({"key": self.of.key, "rows": first + len(numbers)})
        write_text(self.of.folder / UNFINISHED, text)


def check_place(folder: Path, source: Path) -> None:
    """Raises MartletError when a map in `folder` would replace its scene, or others' files."""
    there = [name for name in FILES if (folder / name).exists()]
    for name in there:
        if source.exists() and os.path.samefile(folder / name, source):
            raise MartletError(
                f"output={str(folder)!r} holds {str(source)!r} itself, which a map would replace; "
                "give another folder as --output."
            )
    ours = {CLASSES, PROBABILITY, LEGEND}.issubset(there) or (folder / UNFINISHED).exists()
    if there and not ours:
        raise MartletError(
            f"output={str(folder)!r} holds {there[0]!r}, which is of no map that martlet wrote and "
            "would be replaced; give another folder as --output."
        )


def _header(shape: tuple[int, int], kind: Any) -> bytes:
    """Of a .npy file, as NumPy writes it."""
    stream = io.BytesIO()
    described = {"descr": npy.dtype_to_descr(np.dtype(kind)), "fortran_order": False}
    npy.write_array_header_1_0(stream, {**described, "shape": shape})
    return stream.getvalue()
