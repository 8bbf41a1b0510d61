"""Buffers of one workspace, and tensors as views of them.

A tensor of maps is an array of channels by name: each entry says in which buffer a channel lies and
in which slot. Shuffles, splits and concatenations rearrange these names and nothing else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import FLOAT32, NumberType, Shape


@dataclass(frozen=True, eq=False)
class Buffer:
    """Memory for maps: [blocks][places][lanes] numbers; the channel in slot s has lane s % lanes.

    `lanes` is the vector width, or 1 where channels stand one after the other as in the caller's
    own arrays.
    """

    blocks: int
    spatial: Shape
    lanes: int
    outside: str = ""  # the C name of the caller's array, when it is not in the workspace
    dtype: NumberType = FLOAT32

    @property
    def places(self) -> int:
        """Values of a map."""
        return prod(self.spatial)

    @property
    def bytes(self) -> int:
        """Size of whole maps."""
        return self.blocks * self.places * self.lanes * self.dtype.itemsize

    @property
    def base(self) -> str:
        """The C pointer to whole maps."""
        return self.outside or "work"


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

    @property
    def has_rows_of_its_buffers(self) -> bool:
        """Whether its rows are those of the buffers that hold it."""
        return not self.where[..., 2].any() and all(b.spatial == self.spatial for b in self.buffers)

    def channels(self) -> list[tuple[Buffer, int, int]]:
        """Buffer, slot and first place of every channel, in order."""
        return [(self.buffers[b], s, p) for b, s, p in self.where.reshape(-1, 3).tolist()]

    def blocks(self) -> list[tuple[Buffer, int]]:
        """The blocks that hold channels of it, in the order of the channels.

        Vectors of one buffer come as they lie there, so that what is made of them lies so, too.
        """
        numbers, slots, places = self.where.reshape(-1, 3).T
        lanes = np.array([buffer.lanes for buffer in self.buffers])[numbers]
        whole = np.array([max(1, buffer.places) for buffer in self.buffers])[numbers]
        first = slots // lanes
        # Rows may go on in the next block.
        last = first + np.maximum(0, places + self.places - 1) // whole
        spans = dict.fromkeys(zip(numbers.tolist(), first.tolist(), last.tolist(), strict=True))
        found = dict.fromkeys(
            (self.buffers[number], block)
            for number, begin, end in spans
            for block in range(begin, end + 1)
        )
        alone = self.lanes > 1 and len({id(buffer) for buffer, _ in found}) == 1
        return sorted(found, key=lambda at: at[1]) if alone else list(found)

    def positions(self) -> list[tuple[int, int]]:
        """For every channel the number of its block, of those that hold channels, and the lane."""
        numbers = {at: number for number, at in enumerate(self.blocks())}
        return [(numbers[b, slot // b.lanes], slot % b.lanes) for b, slot, _ in self.channels()]

    def beside(self, y: Buffer) -> "Maps":
        """The tensor in `y`, which has a block for each block of this one."""
        slots = (block * self.lanes + lane for block, lane in self.positions())
        return maps_in(y, slots, self.axes)

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
        blocked = all(
            not b.outside and b.lanes == lanes and b.places == self.places for b in self.buffers
        )
        return blocked and not self.where[..., 2].any()


def maps_in(buffer: Buffer, slots: Iterable[int], axes: Shape) -> Maps:
    """A tensor whose channels lie in these slots of one buffer."""
    where = np.array([(0, slot, 0) for slot in slots], np.int64).reshape(*axes, 3)
    return Maps((buffer,), where, buffer.spatial)
