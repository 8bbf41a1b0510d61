"""What the C file will do: layers in order, and the buffers of one workspace that they share.

A tensor of maps is an array of channels by name: each entry says in which buffer a channel lies and
in which slot. Shuffles, splits and concatenations rearrange these names and nothing else.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import Shape
from martlet.compiler.ir.number_types import FLOAT32, NumberType
from martlet.compiler.ir.schedule import PackedWeights, WeightArena

TENSORS = ("x", "add", "gate", "other")  # that a layer reads, by what layers call them


def cuts(rows: int, parts: int) -> list[int]:
    """Where the parts of so many rows begin, and the end; `CUT` in C says the same."""
    return [rows * part // parts for part in range(parts + 1)]


@dataclass(eq=False)
class Buffer:
    """Memory for maps: [blocks][places][lanes] numbers; the channel in slot s has lane s % lanes.

    `lanes` is the vector width, or 1 where channels stand one after the other as in the caller's
    own arrays. A buffer with `ring` rows holds only the last rows of its maps.
    """

    blocks: int
    spatial: Shape
    lanes: int
    outside: str = ""  # the C name of the caller's array, when it is not in the workspace
    dtype: NumberType = FLOAT32
    ring: int = 0
    parts: int = 1  # threads whose rows of it lie apart, each in memory of its own
    apart: int = 0  # floats from one thread's memory to the next one's
    first: int = -1  # layer that writes it first
    last: int = -1  # last layer that reads it
    at: int = 0  # offset in the workspace, in floats

    @property
    def rows(self) -> int:
        """Rows of a block, of one thread's where they lie apart."""
        return self.ring or -(-prod(self.spatial[:-1]) // self.parts)

    @property
    def places(self) -> int:
        """Values of a map that are in memory."""
        return self.rows * (self.spatial[-1] if self.spatial else 1)

    @property
    def floats(self) -> int:
        """Size in floats."""
        return self.blocks * self.places * self.lanes

    @property
    def bytes(self) -> int:
        """Size of what is in memory at a time."""
        return self.floats * self.dtype.itemsize

    @property
    def base(self) -> str:
        """The C pointer that offsets count from; each thread has rings of its own."""
        return "ring" if self.ring else self.outside or "work"

    def row_offsets(self) -> list[int]:
        """Floats from the first row of a block to each row."""
        bounds = cuts(prod(self.spatial[:-1]), self.parts)
        return [
            part * self.apart + (row - start) * self.spatial[-1] * self.lanes
            for part, (start, end) in enumerate(pairwise(bounds))
            for row in range(start, end)
        ]

    def offset(self, slot: int, place: int = 0) -> int:
        """Floats from the base to a place of the channel in `slot`."""
        block, lane = divmod(slot, self.lanes)
        return self.at + (block * self.places + place) * self.lanes + lane


@dataclass(frozen=True)
class Maps:
    """A tensor whose last axes, `spatial`, are the places of a map; the others name channels.

    `where[..., :]` is (index into `buffers`, slot, first place).
    """

    buffers: tuple[Buffer, ...]
    where: NDArray[np.int64]  # (*channel axes, 3)
    spatial: Shape

    @property
    def lanes(self) -> int:
        """Numbers from one place to the next; the same in all buffers."""
        return self.buffers[0].lanes

    @property
    def dtype(self) -> NumberType:
        """Of its numbers; the same in all buffers."""
        return self.buffers[0].dtype

    @property
    def places(self) -> int:
        """Values of one map."""
        return prod(self.spatial)

    @property
    def axes(self) -> Shape:
        """The axes that name channels."""
        return self.where.shape[:-1]

    @property
    def shape(self) -> Shape:
        """Of the whole tensor."""
        return (*self.axes, *self.spatial)

    def channels(self) -> list[tuple[Buffer, int, int]]:
        """Buffer, slot and first place of every channel, in order."""
        return [(self.buffers[b], s, p) for b, s, p in self.where.reshape(-1, 3).tolist()]

    def offsets(self) -> list[int]:
        """Floats from the base to every channel; buffers must have their places by now."""
        return [buffer.offset(slot, place) for buffer, slot, place in self.channels()]

    def blocks(self) -> list[tuple[Buffer, int]]:
        """The blocks that hold channels of it, in the order of the channels.

        Vectors of one buffer come as they lie there, so that what is made of them lies so, too.
        """
        found: dict[tuple[Buffer, int], None] = {}
        for buffer, slot, place in self.channels():
            first, whole = slot // buffer.lanes, max(1, prod(buffer.spatial))
            last = first + max(0, place + self.places - 1) // whole  # rows may go on in the next
            found.update(dict.fromkeys((buffer, block) for block in range(first, last + 1)))
        alone = self.lanes > 1 and len({id(buffer) for buffer, _ in found}) == 1
        return sorted(found, key=lambda at: at[1]) if alone else list(found)

    def in_slots(self) -> "Maps":
        """The same tensor; a first place beyond the end of a map becomes the next slot's.

        That is where it lies when lanes stand alone; other tensors are as they were.
        """
        if self.lanes != 1:
            return self
        buffer = self.where[..., 0]
        places = np.array([max(1, buffer.places) for buffer in self.buffers])[buffer]
        at = self.where[..., 1] * places + self.where[..., 2]
        where = np.stack((buffer, at // places, at % places), axis=-1)
        return Maps(self.buffers, where, self.spatial)

    def is_blocked(self, lanes: int) -> bool:
        """Whether whole maps lie in blocks of `lanes` in the workspace."""
        inside = all(not b.outside and b.lanes == lanes for b in self.buffers)
        return (
            inside
            and not self.where[..., 2].any()
            and all(
                b.spatial == self.spatial or prod(b.spatial) == self.places for b in self.buffers
            )
        )


def maps_in(buffer: Buffer, slots: Iterable[int], axes: Shape) -> Maps:
    """A tensor whose channels lie in these slots of one buffer."""
    where = np.array([(0, slot, 0) for slot in slots], np.int64).reshape(*axes, 3)
    return Maps((buffer,), where, buffer.spatial)


class Layer:
    """One node's work: a C function of a range of output rows.

    `reads` and `writes` are its buffers; `rows` how many rows it makes, or other pieces of its work
    that can be done in any order. A layer that may run row by row says with `first_row` and
    `rows_for` which rows of its input it needs.
    """

    name: str
    reads: list[Buffer]
    writes: list[Buffer]
    rows: int = 1
    macs: int = 0
    moved: int = 0  # bytes that only change places
    fused: Sequence[str] = ()  # what became part of it: activations, gates, sums, further layers
    banded: bool = False  # whether it runs row by row with its neighbours
    parts: int = 1  # threads that share its work
    slices: Sequence[int] = ()  # bounds of the output blocks that it makes in turns with the next
    fetch: tuple[int, int] = (0, 0)  # bytes of the weights, from and to, that it fetches meanwhile
    can_fetch: int = 0  # bytes that it could, without waiting for them
    streams: bool = False  # whether it uses each weight once, and waits for most of them
    first_weights: int = 0  # bytes of its own that it needs at once; 0: all
    can_band = False
    by_rows: bool = False  # whether its pieces are rows of its output
    own_rows: Sequence[str] = ()  # tensors of which such a piece reads the same rows alone

    def emit(self, writer: "Writer") -> str:
        """Write the function into the file; returns its call for the rows {from} to {to}.

        A call without these is the whole work.
        """
        raise NotImplementedError

    def packed_weights(self) -> list[NDArray[np.float32]]:
        """Its weights as its function reads them, in arrays that each begin a cache line."""
        return []

    def summary(self) -> str:
        """What it does, for people; whatever else needs a fact of it reads an attribute."""
        raise NotImplementedError

    @property
    def tile(self) -> str:
        """Output blocks × places whose sums stay in registers, where there are such tiles."""
        return ""

    def with_fused(self, what: str) -> str:
        """`what` it does, and what became part of it, as a summary says it."""
        return " + ".join((what, *self.fused))

    def pieces(self, writer: "Writer", lines: Iterable[str]) -> str:
        """Write the layer's function of a range, with the pointers it needs; returns its call."""
        name = f"{c_name(self.name)}_layer"
        outside = dict.fromkeys(b.base for b in self.reads if b.outside)
        rings = ["ring"] if any(b.ring for b in (*self.reads, *self.writes)) else []
        heads = [*(f"const float *{base}" for base in outside), "float *work"]
        heads += [*(f"float *{ring}" for ring in rings), "const float *weights", "int from, int to"]
        heads += ["int slice"] if self.slices else []
        body = list(lines)
        for given in ("work", "weights", "from", "to"):
            if not any(re.search(rf"\b{given}\b", line) for line in body):
                body.insert(0, f"(void){given};")
        writer.function(f"static void {name}({', '.join(heads)})", body)
        arguments = [*outside, "work", *rings, "weights", "{from}", "{to}"]
        arguments += ["slice"] if self.slices else []
        return f"{name}({', '.join(arguments)})"

    def tensors(self, names: Sequence[str] = TENSORS) -> list[Maps]:
        """The tensors that it reads, by what layers call them."""
        found = [getattr(self, name, None) for name in names]
        return [tensor for tensor in found if isinstance(tensor, Maps)]

    def first_row(self, row: int) -> int:
        """The first input row that output row `row` reads."""
        return 0

    def rows_for(self, rows: int) -> int:
        """How many input rows the first `rows` output rows need."""
        raise NotImplementedError


@dataclass
class Program:
    """All layers, with the network's inputs and outputs."""

    name: str
    lanes: int
    registers: int
    layers: list[Layer] = field(default_factory=list)
    buffers: list[Buffer] = field(default_factory=list)
    inputs: list[tuple[str, Maps]] = field(default_factory=list)
    outputs: list[tuple[str, Maps]] = field(default_factory=list)
    bands: list[range] = field(default_factory=list)  # layers that run together, row by row
    stretches: list[range] = field(default_factory=list)  # bands between two meetings of threads
    nodes: int = 0  # of the network it was made from
    threads: int = 1
    ring_at: int = 0  # where the rings begin, in floats; each thread has its own
    ring_floats: int = 0  # of all rings of one thread
    floats: int = 0  # of the workspace
    turns: dict[int, list[list[list[int]]]] = field(default_factory=dict)  # by a band's first layer
    weights: WeightArena = field(default_factory=WeightArena)

    def buffer(
        self,
        slots: int,
        spatial: Shape,
        lanes: int = 0,
        outside: str = "",
        dtype: NumberType = FLOAT32,
    ) -> Buffer:
        """A fresh buffer with so many slots, in blocks unless `lanes` says otherwise."""
        lanes = lanes or self.lanes
        made = Buffer(-(-slots // lanes), spatial, lanes, outside, dtype)
        self.buffers.append(made)
        return made


class Writer:
    """Collects the parts of the C file; functions that are the same are written once."""

    def __init__(self, weights: Mapping[Layer, PackedWeights]) -> None:
        self.weights = weights
        self.kernels: dict[str, str] = {}
        self.layers: list[str] = []

    def kernel(self, name: str, text: str) -> str:
        """Add a shared function; returns its name, with a number when another one has it."""
        number, own, written = 1, name, text
        while self.kernels.setdefault(own, written) != written:
            number += 1
            own = f"{name}_{number}"
            written = re.sub(rf"\b{name}\b", own, text)
        return own

    def table(self, name: str, values: Iterable[int]) -> None:
        """Add an array of offsets."""
        listed = list(values)
        text, line = [], "   "
        for value in listed:
            item = f" {value},"
            if len(line) + len(item) > 100:
                text.append(line)
                line = "   "
            line += item
        body = "\n".join([*text, line])
        self.layers.append(f"static const int32_t {name}[{len(listed)}] = {{\n{body}\n}};\n")

    def row(self, buffer: Buffer, row: str, width: int) -> str:
        """C text of the floats from the first row of a block to row `row` of `width` places."""
        if buffer.parts == 1:
            place = f"{row} % {buffer.ring}" if buffer.ring else row
            return f"(long)({place}) * {width * buffer.lanes}"
        offsets = buffer.row_offsets()
        name = f"row_{len(offsets)}x{buffer.spatial[-1]}"
        listed = ", ".join(map(str, offsets))
        text = f"static const int32_t {name}[{len(offsets)}] = {{{listed}}};\n"
        return f"{self.kernel(name, text)}[{row}]"

    def function(self, head: str, lines: Iterable[str]) -> None:
        """Add a layer's function."""
        body = "\n".join(f"  {line}" for line in lines)
        self.layers.append(f"{head} {{\n{body}\n}}\n")

    def offsets(self, layer: Layer) -> tuple[int, ...]:
        """Floats from the begin of the weights to each array of the layer's packed weights."""
        return self.weights[layer].offsets


def c_name(name: str) -> str:
    """A node's name as C accepts it."""
    kept = "".join(ch if ch.isalnum() and ch.isascii() else "_" for ch in name)
    return kept if kept[:1].isalpha() else f"n{kept}"
