"""The operands of a convolution as GEMM, the layer that all its tiles are cut from.

Output channels lie in blocks, one vector each; blocks that read the same channels share tiles.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.codegen.writer import Kernel
from martlet.compiler.ir.operators import Activation
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.ir.window import Window

LEAST_PLACES = 8  # of a thread's part of a map


@dataclass
class Block:
    """One vector of output channels: which they are (-1: none) and which inputs they read."""

    outputs: list[int]
    inputs: list[int]


class Gemm(Kernel):
    """A convolution or linear layer with its epilogue: activation, addition, activation."""

    in_place_with = ("add",)
    thread_rows = ("x", "add", "y")
    keeps_lanes = ("add",)
    y: Buffer
    blocks: list[Block]  # of `y`
    alone = False  # whether one thread makes all of its places, as of a part of another layer

    def __init__(
        self,
        name: str,
        x: Maps,
        weight: NDArray[Any],
        bias: NDArray[Any],
        groups: int,
        window: Window,
        registers: int,
        *,
        act: Activation | None = None,
        add: Maps | None = None,
        act_after: Activation | None = None,
        gate: Maps | None = None,
    ) -> None:
        self.name, self.x, self.add, self.gate = name, x, add, gate
        self.weight, self.bias, self.groups = weight, bias, groups
        self.window, self.registers = window, registers
        self.operator = "1×1 convolution" if prod(window.kernel) == 1 else "convolution"
        self.act, self.act_after = act, act_after
        epilogue = act and act.kind, add and "sum", act_after and act_after.kind
        self.fused = [word for word in (gate and "gate", *epilogue) if word]
        self.tail = 0  # for how many channels tiles of the last block are, where it has its own
        self.macs = prod(window.out) * weight.size
        if window.is_flat and (window.rows > 1 or window.is_pointwise):
            self.row_window = window
        self.own_rows = ("x", "add") if window.is_pointwise else ("add",)
        self.reads = [b for maps in (x, add, gate) if maps is not None for b in maps.buffers]

    def threads(self, schedule: Schedule) -> int:
        """Threads that share its work."""
        return 1 if self.alone else schedule.threads

    def in_one_row(self, schedule: Schedule) -> bool:
        """Whether all places of a map count as one row."""
        return self.window.is_pointwise and self.name not in schedule.banded

    def rows_apart(self, schedule: Schedule) -> bool:
        """Whether each thread makes its own rows of a map, which lie apart from the others'."""
        tensors = [maps.buffers[0] for maps in (self.x, self.add) if maps is not None]
        apart = any(schedule[buffer].parts > 1 for buffer in (*tensors, self.y))
        return self.in_one_row(schedule) and apart

    def by_places(self, schedule: Schedule) -> bool:
        """Whether each thread makes all channels of some places.

        These are in its own cache for the next layer, as are all weights that it fetches.
        """
        threads, places = self.threads(schedule), prod(self.window.out)
        return self.in_one_row(schedule) and threads > 1 and places >= LEAST_PLACES * threads

    def columns(self, schedule: Schedule) -> int:
        """Places that tiles are cut from: of a row, of a map, of a thread's part of it."""
        if not self.in_one_row(schedule):
            return self.window.out[2]
        threads = self.threads(schedule)
        if self.rows_apart(schedule):
            return -(-self.window.rows // threads) * self.window.out[2]
        return prod(self.window.out) // (threads if self.by_places(schedule) else 1)

    def streams(self, schedule: Schedule) -> bool:
        """Whether there is a single place."""
        return self.in_one_row(schedule) and prod(self.window.out) == 1

    def alike(self) -> list[list[Block]]:
        """Neighbouring blocks that read the same channels; they can share a tile."""
        found: list[list[Block]] = []
        for block in self.blocks:
            if found and found[-1][0].inputs == block.inputs:
                found[-1].append(block)
            else:
                found.append([block])
        return found

    def pack(self, chosen: list[Block]) -> NDArray[np.float32]:
        """Biases, then the weights of all lanes, input channel by input channel, tap by tap."""
        lanes, taps = self.y.lanes, prod(self.weight.shape[2:])
        flat = self.weight.reshape(len(self.weight), -1, taps)
        each_out, each_in = len(self.weight) // self.groups, flat.shape[1]
        inputs = chosen[0].inputs
        packed = np.zeros((len(inputs), taps, len(chosen), lanes), np.float32)
        bias = np.zeros((len(chosen), lanes), np.float32)
        numbers = {channel: number for number, channel in enumerate(inputs)}
        for b, block in enumerate(chosen):
            for lane, channel in enumerate(block.outputs):
                if channel >= 0:
                    first = numbers[channel // each_out * each_in]
                    packed[first : first + each_in, :, b, lane] = flat[channel]
                    bias[b, lane] = self.bias[channel]
        return np.concatenate((bias.reshape(-1), packed.reshape(-1)))
