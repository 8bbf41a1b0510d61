"""How a program runs: in which order, by which threads, and where everything lies.

The passes of `schedule` decide it, each from what the ones before have decided; the C text is
written from it. Layers are known by their names, which are their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import FLOAT32, NumberType
from martlet.compiler.ir.tensor_view import Buffer, Maps

CACHE_LINE_BYTES = 64  # buffers and arrays of weights begin at multiples of it

# How many rows each layer of a band has made at the start and after each turn.
Turns = tuple[tuple[int, ...], ...]


def cuts(rows: int, parts: int) -> list[int]:
    """Where the parts of so many rows begin, and the end; `CUT` in C says the same."""
    return [rows * part // parts for part in range(parts + 1)]


@dataclass(frozen=True)
class Storage:
    """How a buffer lies in memory."""

    buffer: Buffer
    ring: int = 0  # rows of a line buffer, which holds only the last ones; 0: whole maps
    parts: int = 1  # threads whose rows lie apart, each in memory of its own
    stride: int = 0  # bytes from one thread's rows to the next one's
    at: int = 0  # bytes from the begin of the workspace, or of a thread's rings

    @property
    def places(self) -> int:
        """Values of a map that are in memory, of one thread's rows where they lie apart."""
        spatial = self.buffer.spatial
        rows = self.ring or -(-prod(spatial[:-1]) // self.parts)
        return rows * (spatial[-1] if spatial else 1)

    @property
    def block_bytes(self) -> int:
        """Size of one block, of one thread's rows where they lie apart."""
        return self.places * self.buffer.lanes * self.buffer.dtype.itemsize

    @property
    def bytes(self) -> int:
        """Size of all blocks."""
        return self.buffer.blocks * self.block_bytes

    @property
    def start(self) -> int:
        """Numbers from the base to its first one."""
        return self.at // self.buffer.dtype.itemsize

    @property
    def base(self) -> str:
        """The C pointer that offsets count from; each thread has rings of its own."""
        return "ring" if self.ring else self.buffer.base

    def row_offsets(self) -> list[int]:
        """Numbers from the first row of a block to each row."""
        spatial, stride = self.buffer.spatial, self.stride // self.buffer.dtype.itemsize
        bounds = cuts(prod(spatial[:-1]), self.parts)
        return [
            part * stride + (row - start) * spatial[-1] * self.buffer.lanes
            for part, (start, end) in enumerate(pairwise(bounds))
            for row in range(start, end)
        ]

    def offset(self, slot: int, place: int = 0) -> int:
        """Numbers from the base to a place of the channel in `slot`."""
        block, lane = divmod(slot, self.buffer.lanes)
        return self.start + (block * self.places + place) * self.buffer.lanes + lane


@dataclass(frozen=True)
class KeptRows:
    """Rows of a layer's map that windows of a recording share: no padding reaches them.

    Those from `first` up to `end` are the last window's, `shift` rows further up; the last `shift`
    of them are new.
    """

    first: int
    end: int
    shift: int


@dataclass(frozen=True)
class PackedWeights:
    """One layer's part of the arena of weights."""

    offsets: tuple[int, ...] = ()  # bytes from the arena's begin to each of its arrays
    begin: int = 0  # bytes of the arena in front of what this layer adds
    end: int = 0

    @property
    def size(self) -> int:
        """Bytes that the layer adds; arrays that are there already add none."""
        return self.end - self.begin

    def starts(self, dtype: NumberType = FLOAT32) -> list[int]:
        """Numbers of this type from the arena's begin to each array."""
        return [offset // dtype.itemsize for offset in self.offsets]


@dataclass(frozen=True)
class Schedule:
    """What is decided about a program; offsets of buffers count once memory is planned."""

    threads: int = 1
    bands: tuple[range, ...] = ()  # layers that run together, row by row
    banded: frozenset[str] = frozenset()  # layers of a band with others
    turns: Mapping[int, tuple[Turns, ...]] = field(default_factory=dict)  # by band, each thread's
    slices: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Bounds of the output blocks that a layer makes in turns with its neighbour in the band."""
    regions: tuple[range, ...] = ()  # layers without a barrier between them, of whole bands
    storage: Mapping[Buffer, Storage] = field(default_factory=dict)  # where it is not plain
    workspace_bytes: int = 0
    rings_at: int = 0  # byte of the workspace where the rings begin; each thread has its own
    ring_bytes: int = 0  # of all rings of one thread
    weights: bytes = b""  # the arena: all layers' packed weights
    packed: Mapping[str, PackedWeights] = field(default_factory=dict)
    prefetch: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Bytes of the weights, from and to, that a layer fetches for those behind it."""
    stride: int = 0  # samples from one pushed window to the next; 0: none are pushed
    kept: Mapping[Buffer, KeptRows] = field(default_factory=dict)  # from one of them to the next

    def __getitem__(self, buffer: Buffer) -> Storage:
        return self.storage.get(buffer) or Storage(buffer)

    def offsets(self, maps: Maps) -> list[int]:
        """Numbers from the base to every channel."""
        found: list[int] = self.offset_array(maps).tolist()
        return found

    def offset_array(self, maps: Maps) -> NDArray[np.int64]:
        """The same, of tensors with many channels."""
        number, slot, place = maps.where.reshape(-1, 3).T
        stored = [self[buffer] for buffer in maps.buffers]
        start, places, lanes = (
            np.array(values, np.int64)[number]
            for values in zip(*((s.start, s.places, s.buffer.lanes) for s in stored), strict=True)
        )
        return start + (slot // lanes * places + place) * lanes + slot % lanes

    def block_offsets(self, maps: Maps) -> list[int]:
        """Numbers from the base to every block that holds channels."""
        return [self[buffer].offset(block * buffer.lanes) for buffer, block in maps.blocks()]
