"""What the C file will do: layers in order, and the buffers of one workspace that they share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import FLOAT32, NumberType, Shape
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.series import Series
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.ir.window import Window

TENSORS = ("x", "add", "gate", "other")  # that a layer reads, by what layers call them


class Layer:
    """One node's work, which falls into pieces that can be done in any order; its traits.

    What a trait says of a layer may hang on what the schedule has decided so far.
    """

    name: str  # its own, also in C
    operator: str = "other"  # what kind of work it is, for sums of time over a network
    reads: list[Buffer]
    writes: list[Buffer]
    macs: int = 0
    saved_macs: int = 0  # of them, what minimal filtering does without
    moved: int = 0  # bytes that only change places
    fused: Sequence[str] = ()  # what became part of it: activations, gates, sums, further layers
    row_window: Window | None = None  # of one that may run row by row with its neighbours
    goes_by_blocks = False  # whether it can run a few blocks at a time, too
    own_rows: Sequence[str] = ()  # tensors of which a row of its output reads the same row alone
    thread_rows: Sequence[str] = ()
    """Tensors of which it finds each row, and "y" if it puts each row of its output, where a thread
    has it in memory of its own; it needs all others whole."""
    in_place_with: Sequence[str] = ()  # tensors that its output may alias
    keeps_lanes: Sequence[str] = ()  # tensors whose channels stay in their lanes

    @property
    def c_name(self) -> str:
        """Its name as C accepts it."""
        return c_name(self.name)

    def rows(self, schedule: Schedule) -> int:
        """How many rows it makes, or other pieces of its work."""
        return 1

    def by_rows(self, schedule: Schedule) -> bool:
        """Whether its pieces are rows of its output."""
        return False

    def block_groups(self, schedule: Schedule) -> Sequence[int]:
        """Sizes of the groups of output blocks that it makes one after the other."""
        return ()

    def can_fetch(self, schedule: Schedule) -> int:
        """Bytes of later layers' weights that it could fetch without waiting for them."""
        return 0

    def streams(self, schedule: Schedule) -> bool:
        """Whether it uses each weight once, and waits for most of them."""
        return False

    def first_weights(self, schedule: Schedule) -> int:
        """Bytes of its own weights that it needs at once; 0: all."""
        return 0

    def packed_weights(self, schedule: Schedule) -> list[NDArray[np.float32]]:
        """Its weights as its function reads them, in arrays that each begin a cache line."""
        return []

    def summary(self) -> str:
        """What it does, for people; whatever else needs a fact of it reads an attribute."""
        raise NotImplementedError

    def with_fused(self, what: str) -> str:
        """`what` it does, and what became part of it, as a summary says it."""
        return " + ".join((what, *self.fused))

    def tensors(self, names: Sequence[str] = TENSORS) -> list[Maps]:
        """The tensors that it reads, by what layers call them."""
        found = [getattr(self, name, None) for name in names]
        return [tensor for tensor in found if isinstance(tensor, Maps)]

    def passes_on(self, x: Maps) -> Maps | None:
        """What it makes of the channels of a tensor that it reads, when each stays one."""
        y, kept = self.writes[0], any(x is maps for maps in self.tensors(self.keeps_lanes))
        return x.beside(y) if kept and x.lanes == y.lanes else None

    def other_buffers(self, names: Sequence[str]) -> Iterator[Buffer]:
        """Buffers of tensors that it reads otherwise than as rows of those of these names."""
        for name in TENSORS:
            for maps in self.tensors((name,)):
                if name not in names or not maps.has_rows_of_its_buffers:
                    yield from maps.buffers


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
    nodes: int = 0  # of the network it was made from
    series: Series | None = None  # what its input is, where windows of a recording are pushed
    pictures: int = 1  # for each of which it runs once; its inputs and outputs are those of one

    def shape(self, maps: Maps) -> Shape:
        """Of an input or output, with all pictures."""
        return (self.pictures * maps.shape[0], *maps.shape[1:]) if maps.shape else ()

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


def c_name(name: str) -> str:
    """A node's name as C accepts it."""
    kept = "".join(ch if ch.isalnum() and ch.isascii() else "_" for ch in name)
    return kept if kept[:1].isalpha() else f"n{kept}"
