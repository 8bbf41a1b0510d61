"""Convolution as GEMM: pointwise and full convolutions, grouped ones, and linear layers.

A tile is b blocks of output channels by p neighbouring places; its b·p sums stay in registers while
one input channel after the other is read. Where an input channel lies is looked up in a table, so
that channels may lie in any order, and anywhere: a shuffle or a split costs nothing.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.codegen.reroll import rolled
from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import FLOAT32, shape_text
from martlet.compiler.ir.schedule import CACHE_LINE_BYTES, Schedule, cuts
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels import gemm_remainder, gemm_tiling
from martlet.compiler.kernels.gemm_operands import Block, Gemm
from martlet.compiler.kernels.gemm_remainder import Tail
from martlet.compiler.kernels.gemm_tiles import Group, shared


class Product(Gemm):
    """A convolution or linear layer with its epilogue, as groups of tiles."""

    def rows(self, schedule: Schedule) -> int:
        """Rows of the output; of a pointwise product that stands alone, tiles or parts of maps."""
        if self.by_rows(schedule):
            return self.window.rows
        if self.by_places(schedule):
            return self.threads(schedule)
        return sum(n for *_, n in self._tiling(schedule))

    def by_rows(self, schedule: Schedule) -> bool:
        return not self.in_one_row(schedule) or self.rows_apart(schedule)

    def block_groups(self, schedule: Schedule) -> list[int]:
        return self.sizes(schedule) if self.window.is_pointwise else []

    def write_to(self, y: Buffer, slots: list[int]) -> None:
        """Say where the output channels go."""
        self.y, self.writes = y, [y]
        each_out, each_in = len(self.weight) // self.groups, prod(self.x.axes) // self.groups
        self.blocks = [Block([-1] * y.lanes, []) for _ in range(y.blocks)]
        for channel, slot in enumerate(slots):
            self.blocks[slot // y.lanes].outputs[slot % y.lanes] = channel
        known: dict[tuple[int, ...], list[int]] = {}
        for block in self.blocks:
            groups = tuple(sorted({c // each_out for c in block.outputs if c >= 0}))
            if groups not in known:  # one list for all blocks: there may be many
                known[groups] = [g * each_in + i for g in groups for i in range(each_in)]
            block.inputs = known[groups]
        self.tail = gemm_remainder.width(self)

    def can_fetch(self, schedule: Schedule) -> int:
        """One line for each channel of the widest tile, and as much by place of the others."""
        if not self.in_one_row(schedule) or self.streams(schedule):
            return 0
        widest = max(size * wide for size, wide, _ in self._tiling(schedule))
        places = (len(self.blocks) - (self.tail > 0)) * self.columns(schedule)
        return CACHE_LINE_BYTES * len(self.blocks[0].inputs) * places // widest

    def first_weights(self, schedule: Schedule) -> int:
        """Those of the first group of tiles."""
        each = len(self.blocks[0].inputs) * prod(self.window.kernel)
        return FLOAT32.itemsize * self.y.lanes * self.sizes(schedule)[0] * (1 + each)

    def summary(self) -> str:
        return f"{self.with_fused(self.kind)}, {self.shapes}"

    @property
    def kind(self) -> str:
        """Its window, and its groups if there are several."""
        return f"{self.window}" + (f", {self.groups} groups" if self.groups > 1 else "")

    @property
    def shapes(self) -> str:
        """Of what it reads and what it makes."""
        sides, outs = shape_text(self.x.spatial), shape_text(self.window.spatial)
        return f"{prod(self.x.axes)}×{sides} → {len(self.weight)}×{outs}"

    def emit(self, writer: Writer) -> str:
        weights = writer.schedule.packed[self.name].starts()
        groups = self.groups_of_tiles(writer, weights)
        return self.pieces(writer, self._lines(groups, writer.schedule))

    def groups_of_tiles(self, writer: Writer, weights: Sequence[int]) -> list[Group]:
        """Write where its channels lie; `weights` is where those of each group do."""
        name, schedule = self.c_name, writer.schedule
        at, firsts, offsets = list[int](), list[int](), schedule.offsets(self.x)
        for members in self.alike():
            firsts += [len(at)] * len(members)
            if not self.tail or members != self.blocks[-1:]:
                at += [offsets[channel] for channel in members[0].inputs]
        table = writer.table(f"{name}_at", at) if at else ""
        gate = add = ""
        if self.gate is not None:
            gates = schedule.offsets(self.gate)
            inputs = [c for members in self.alike() for c in members[0].inputs]
            gate = writer.table(f"{name}_gate", [gates[channel] for channel in inputs])
        if self.add is not None:
            add = writer.table(f"{name}_add", schedule.block_offsets(self.add))
        found = list[Group]()
        for (start, size), first in zip(self.tile_groups(schedule), weights, strict=True):
            if self.tail and start == len(self.blocks) - 1:
                found.append(Tail(self, writer, first, add))
            else:
                more, begin = {"at": table, "gate": gate}, firsts[start]
                own = {word: f"{array} + {begin}" for word, array in more.items()}
                found.append(Group(self, writer, start, size, first, **own, add=add))
        return found

    def _lines(self, groups: list[Group], schedule: Schedule) -> list[str]:
        """What the layer's function does between `from` and `to`."""
        if self.rows_apart(schedule):
            return self._of_rows(groups, self.threads(schedule))
        if self.by_places(schedule):
            shares = self.shares(self.threads(schedule))
            return [line for part in shares for line in shared(groups, *part)]
        if self.in_one_row(schedule):
            chunks, tile = [], 0
            for group in groups:
                chunks.append(group.flat(tile))
                tile += sum(n for _, n in group.runs(self.columns(schedule)))
            return rolled(chunks, "group")
        chunks = [group.in_rows() for group in groups]
        if self.name in schedule.slices:
            chunks = [[f"if (slice == {n}) {{", *lines, "}"] for n, lines in enumerate(chunks)]
            return [line for lines in chunks for line in lines]
        return rolled(chunks, "group")

    def _of_rows(self, groups: list[Group], threads: int) -> list[str]:
        """Tiles of a thread's rows: threads may have different numbers of them."""
        bounds, width = cuts(self.window.rows, threads), self.window.out[2]
        sizes = sorted({end - start for start, end in pairwise(bounds)})
        lines = list[str]()
        for size in sizes:
            inside = rolled([group.loops(size * width, row="from") for group in groups], "group")
            lines += inside if len(sizes) == 1 else [f"if (to - from == {size}) {{", *inside, "}"]
        return lines

    def shares(self, threads: int) -> list[tuple[int, int, int, int]]:
        """Parts that are equally large: first place, places of each, from part, to part."""
        size, longer = divmod(prod(self.window.out), threads)
        shares = [(0, size + 1, 0, longer), (longer * (size + 1), size, longer, threads)]
        return [share for share in shares if share[2] < share[3]]

    def sizes(self, schedule: Schedule) -> list[int]:
        """How many blocks of output channels each group of tiles has, in order."""
        counts = [len(members) for members in self.alike()]
        counts[-1] -= self.tail > 0
        columns = self.columns(schedule)
        found = [n for count in counts for n in gemm_tiling.split(columns, count, self.registers)]
        return [*found, 1] if self.tail else found

    def tile_groups(self, schedule: Schedule) -> list[tuple[int, int]]:
        """The first block of each group of tiles, and how many it has."""
        sizes = self.sizes(schedule)
        return list(zip(accumulate(sizes, initial=0), sizes, strict=False))

    def packed_weights(self, schedule: Schedule) -> list[NDArray[np.float32]]:
        """One array for each group of tiles."""
        packed = [
            self.pack(self.blocks[start : start + size])
            for start, size in self.tile_groups(schedule)
        ]
        if self.tail:
            packed[-1] = gemm_remainder.pack(self)
        return packed

    def _tiling(self, schedule: Schedule) -> list[tuple[int, int, int]]:
        """(blocks, places, how many tiles) of a product that stands alone."""
        sizes, columns = self.sizes(schedule), self.columns(schedule)
        runs = [gemm_tiling.runs(columns, size, self.registers)[1] for size in sizes]
        if self.tail:
            runs[-1] = gemm_remainder.runs(self, columns)
        return [(n, *run) for n, each in zip(sizes, runs, strict=True) for run in each]
