"""A classifier's head fused with what is in front: a product, the mean of each map, a linear layer.

The linear layer uses each weight once, and in a small network these are almost half of all weights:
by itself it would only wait for memory, which the product in front of it hardly uses. So behind
each group of the product's channels come their means and what these add to all outputs, and the
weights for that were fetched while the group was at work. What the groups add is summed up at the
end, in the same order with any number of threads.
"""

from collections.abc import Sequence
from copy import copy
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.codegen.reroll import rolled
from martlet.compiler.codegen.writer import Kernel, Writer
from martlet.compiler.ir.schedule import Schedule, cuts
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels import activations, gemm_micro
from martlet.compiler.kernels.channelwise import Mean
from martlet.compiler.kernels.gemm import Product
from martlet.compiler.kernels.gemm_tiles import Group

MACS_FOR_A_BYTE = 5  # of a core that has nothing else to read
MOST_BLOCKS = 8  # blocks of outputs whose sums stay in registers


class Head(Kernel):
    """All three, group by group; `sums` holds what each group adds to the outputs."""

    operator = "1×1 convolution"
    thread_rows = ("x", "add")  # as a pointwise product, but for what it writes
    in_place_with = ("add",)

    def __init__(self, product: Product, mean: Mean, linear: Product, sums: Buffer) -> None:
        self.name, self.x, self.add, self.gate = product.name, product.x, product.add, product.gate
        self.product, self.mean, self.linear, self.sums = copy(product), mean, linear, sums
        self.product.alone = True  # threads share the groups
        self.reads, self.writes = product.reads, [product.y, mean.y, sums]
        self.macs = product.macs + linear.macs
        self.fused = [*product.fused, "mean", "linear"]

    def rows(self, schedule: Schedule) -> int:
        """Its pieces are groups of the product's channels."""
        return len(self.product.sizes(schedule))

    def first_weights(self, schedule: Schedule) -> int:
        return self.product.first_weights(schedule)

    def can_fetch(self, schedule: Schedule) -> int:
        return self.product.macs // MACS_FOR_A_BYTE

    def summary(self) -> str:
        what, shapes = self.with_fused(self.product.kind), self.product.shapes
        return f"{what}, {shapes} → {len(self.linear.weight)}"

    def emit(self, writer: Writer) -> str:
        packed = writer.schedule.packed[self.name]
        weights = packed.starts()
        groups, firsts = self.product.groups_of_tiles(writer, weights[::2]), weights[1::2]
        fetch = writer.schedule.prefetch.get(self.name, (0, 0))
        lines, chunks = self._before(writer), list[list[str]]()
        for number, (group, first) in enumerate(zip(groups, firsts, strict=True)):
            group.fetches(*self.fetched(fetch, number, packed.offsets[1::2], packed.end))
            inside = [*self._maps(writer, group), *self._means(writer, group)]
            inside += self._sums(writer, group, first, number)
            chunks.append([f"if (from <= {number} && {number} < to) {{", *inside, "}"])
        return self.pieces(writer, lines + rolled(chunks, "group"))

    def _before(self, writer: Writer) -> list[str]:
        """Fetches of the maps, if other threads have made some of their rows."""
        source = self.x.buffers[0]
        if writer.schedule[source].parts == 1:
            return []
        rows, width = self.x.spatial
        name = writer.table(f"{self.c_name}_blocks", writer.schedule.block_offsets(self.x))
        address = f"{writer.schedule[source].base} + {name}[b] + {writer.row(source, 'row', width)}"
        return [
            f"for (int row = 0; row < {rows}; row++)",
            f"  for (int b = 0; b < {len(self.x.blocks())}; b++)",
            f"    for (int p = 0; p < {width}; p++)",
            f"      FETCH({address} + p * V);",
        ]

    @staticmethod
    def fetched(
        fetch: tuple[int, int], number: int, firsts: Sequence[int], end: int
    ) -> tuple[int, int]:
        """Bytes that a group fetches: for its own means, and for the maps of the next group.

        `fetch` is what the layer fetches, from and to; `firsts` are where the weights of all
        groups' means begin, in bytes. What layers before have fetched of them lets all groups
        fetch that much less.
        """
        lead, count = max(0, fetch[0] - firsts[0]), len(firsts)
        ends = [first + lead * (count - n) // count for n, first in enumerate(firsts)]
        ends.append(max(fetch[1], end))
        return ends[number], ends[number + 1]

    def _maps(self, writer: Writer, group: Group) -> list[str]:
        buffers = [b for maps in self.tensors(("x", "add")) for b in maps.buffers]
        parts = max(writer.schedule[buffer].parts for buffer in buffers)
        return [f"  {line}" for line in group.of_map(cuts(self.product.window.rows, parts))]

    def _means(self, writer: Writer, group: Group) -> list[str]:
        y, means = (writer.schedule[buffer] for buffer in (self.product.y, self.mean.y))
        lanes = self.product.y.lanes
        slot, step = group.start * lanes, y.places * lanes
        x = f"{y.base} + {y.offset(slot)} + b * {step}"
        call = f"{self.mean.kernel(writer)}({x}, {means.base} + {means.offset(slot)} + b * V);"
        return [f"  for (int b = 0; b < {group.size}; b++)", f"    {call}"]

    def _sums(self, writer: Writer, group: Group, first: int, number: int) -> list[str]:
        """What the group's means add; `first` is where the weights for it begin, in floats."""
        means, sums = (writer.schedule[buffer] for buffer in (self.mean.y, self.sums))
        lanes, lines = self.product.y.lanes, list[str]()
        channels = len(self._read(group.start, group.size))
        x = f"{means.base} + {means.offset(group.start * lanes)}"
        for start, end in self._tiles():
            at = (number * self.linear.y.blocks + start) * lanes
            w = f"weights + {first + start * lanes * channels}"
            y = f"{sums.base} + {sums.offset(at)}"
            lines.append(f"  {gemm_micro.partial(writer, end - start)}({x}, {channels}, {w}, {y});")
        return lines

    def _read(self, start: int, size: int) -> list[int]:
        """Which of the means that the linear layer reads each lane of a group is."""
        lanes = self.product.y.lanes
        known = {slot: number for number, (_, slot, _) in enumerate(self.linear.x.channels())}
        slots = range(start * lanes, (start + size) * lanes)
        return [known[slot] for slot in slots if slot in known]

    def _tiles(self) -> list[tuple[int, int]]:
        """From which block of outputs to which each tile of the linear layer goes."""
        blocks = self.linear.y.blocks
        return list(pairwise(cuts(blocks, -(-blocks // MOST_BLOCKS))))

    def packed_weights(self, schedule: Schedule) -> list[NDArray[np.float32]]:
        """For each group of the product its weights, then the linear layer's."""
        product = self.product
        both = zip(product.packed_weights(schedule), product.tile_groups(schedule), strict=True)
        return [piece for packed, group in both for piece in (packed, self._pack(*group))]

    def _pack(self, start: int, size: int) -> NDArray[np.float32]:
        """The linear layer's weights of a group's lanes: tile by tile, lane by lane."""
        linear = self.linear
        flat = linear.weight.reshape(len(linear.weight), -1)
        known = np.append(flat, np.zeros_like(flat[:1]), axis=0)  # the last one: of no channel
        outs = np.array([block.outputs for block in linear.blocks])
        # Blocks of outputs, their lanes, and the lanes of the group.
        own = known[outs][..., np.array(self._read(start, size), int)]
        parts = [own[low:high].transpose(2, 0, 1).reshape(-1) for low, high in self._tiles()]
        return np.concatenate(parts)


class Total(Kernel):
    """What all groups of a head add, bias and activation."""

    def __init__(self, linear: Product, sums: Buffer) -> None:
        self.name, self.linear, self.sums, self.y = linear.name, linear, sums, linear.y
        self.reads, self.writes = [sums], [linear.y]
        self.parts_of_sum = sums.blocks // linear.y.blocks
        self.fused = [act.kind for act in (linear.act, linear.act_after) if act]

    def rows(self, schedule: Schedule) -> int:
        """Its pieces are blocks."""
        return self.y.blocks

    def summary(self) -> str:
        what = self.with_fused(f"sum of {self.parts_of_sum} parts")
        return f"{what}, {len(self.linear.weight)} values"

    def packed_weights(self, schedule: Schedule) -> list[NDArray[np.float32]]:
        """The biases."""
        outs = np.array([block.outputs for block in self.linear.blocks])
        return [np.append(self.linear.bias, np.float32(0))[outs]]

    def emit(self, writer: Writer) -> str:
        linear, y, sums = self.linear, writer.schedule[self.y], writer.schedule[self.sums]
        (bias,) = writer.schedule.packed[self.name].starts()
        value = "a"
        for act in (linear.act, linear.act_after):
            value = f"{activations.function(act, writer)}({value})" if act else value
        part = f"load({sums.base} + {sums.start} + ((long)n * {self.y.blocks} + b) * V)"
        lines = [
            "for (int b = from; b < to; b++) {",
            f"  v a = load(weights + {bias} + b * V);",
            f"  for (int n = 0; n < {self.parts_of_sum}; n++) a += {part};",
            f"  store({y.base} + {y.start} + b * V, {value});",
            "}",
        ]
        return self.pieces(writer, lines)
