"""What the C file will do: buffers in one workspace, and steps that read and write them.

A tensor of maps is an array of channels by name: each entry says in which buffer a channel lies and
at which offset. Shuffles, splits and concatenations rearrange these names and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from swiftlet.compiler.graph import Shape


@dataclass(eq=False)
class Buffer:
    """Memory for maps: [blocks][places][lanes] floats.

    A channel lies in one lane of one block; `lanes` is the vector width, or 1 where channels stand
    one after the other as in the caller's own arrays.
    """

    blocks: int
    places: int  # values of one map
    lanes: int
    outside: str = ""  # the C name of the caller's array, when it is not in the workspace
    first: int = -1  # step that writes it
    last: int = -1  # last step that reads it
    at: int = -1  # offset in the workspace, in floats

    @property
    def floats(self) -> int:
        """Size in floats."""
        return self.blocks * self.places * self.lanes

    def offset(self, channel: int) -> int:
        """Where the first value of the channel in slot `channel` lies."""
        block, lane = divmod(channel, self.lanes)
        return block * self.places * self.lanes + lane


@dataclass(frozen=True)
class Maps:
    """A tensor whose last axes, `spatial`, are the places of a map; the others name channels.

    `buffers` lists where channels lie; `where[..., 0]` is an index into it, `where[..., 1]` an
    offset in floats. The values of a map lie `lanes` floats apart.
    """

    buffers: tuple[Buffer, ...]
    where: NDArray[np.int64]  # (*channel axes, 2)
    spatial: Shape

    @property
    def lanes(self) -> int:
        """Floats from one place to the next; the same in all buffers."""
        return self.buffers[0].lanes

    @property
    def places(self) -> int:
        """Values of one map."""
        return int(np.prod(self.spatial, dtype=np.int64))

    @property
    def shape(self) -> Shape:
        """Of the whole tensor."""
        return (*self.where.shape[:-1], *self.spatial)

    def channels(self) -> list[tuple[Buffer, int]]:
        """Buffer and offset of every channel, in order."""
        return [(self.buffers[b], int(o)) for b, o in self.where.reshape(-1, 2)]


@dataclass
class Step:
    """One layer's work: a C function and the call of it."""

    name: str
    reads: list[Buffer]
    writes: list[Buffer]
    emit: "Callable[[Writer], str]"  # adds what it needs to the file, returns the call
    macs: int = 0
    moved: int = 0  # bytes that only change places: copies for another layout
    summary: str = ""


@dataclass
class Program:
    """All steps, with the network's inputs and outputs."""

    name: str
    lanes: int
    registers: int
    steps: list[Step] = field(default_factory=list)
    buffers: list[Buffer] = field(default_factory=list)
    inputs: list[tuple[str, Shape]] = field(default_factory=list)
    outputs: list[tuple[str, Shape]] = field(default_factory=list)

    def buffer(self, channels: int, places: int, lanes: int, outside: str = "") -> Buffer:
        """A fresh buffer for so many channels."""
        made = Buffer(-(-channels // lanes), places, lanes, outside)
        self.buffers.append(made)
        return made


class Writer:
    """Collects the parts of the C file; functions that are the same are written once."""

    def __init__(self) -> None:
        self.kernels: dict[str, str] = {}
        self.tables: list[str] = []
        self.functions: list[str] = []
        self.weights: list[NDArray[np.float32]] = []
        self.weight_floats = 0

    def kernel(self, name: str, text: str) -> str:
        """Add a shared function; its name tells all that it depends on."""
        self.kernels.setdefault(name, text)
        return name

    def weight(self, values: NDArray[np.floating]) -> int:
        """Add weights; returns their offset in floats, a multiple of a cache line."""
        flat = np.ascontiguousarray(values, np.float32).reshape(-1)
        padded = np.pad(flat, (0, -flat.size % 16))
        self.weights.append(padded)
        self.weight_floats += padded.size
        return self.weight_floats - padded.size
