"""Convolutions: pointwise, depthwise, and all others; linear layers are pointwise ones."""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from swiftlet.compiler.graph import Node
from swiftlet.compiler.kernels import activations, copying, tiles
from swiftlet.compiler.kernels.windows import Window, depthwise, window_of
from swiftlet.compiler.program import Buffer, Maps, Step, Writer

if TYPE_CHECKING:
    from swiftlet.compiler.lower import Lowering


@dataclass
class Block:
    """One vector of output channels: which they are, and which input channels they read."""

    outputs: list[int]  # output channel of each lane, -1 where there is none
    inputs: list[int]


def conv(low: "Lowering", node: Node) -> Maps:
    """Conv of any kind, with its activation and addition."""
    x = low.maps[node.inputs[0]]
    weight = low.graph.constant(node, 1)
    if weight is None or x.where.shape[0] != 1:
        raise node.fail("a batch of one and constant weights are supported")
    bias = low.graph.constant(node, 2)
    bias = np.zeros(len(weight), np.float32) if bias is None else bias
    group = int(node.attributes.get("group", 1))
    window = window_of(low, node, weight.shape[2:])
    per_channel = group == len(weight) == x.where.shape[1] and "add" not in node.attributes
    if per_channel and x.lanes == low.program.lanes:
        return depthwise(low, node, x, weight, bias, window)
    return _dense(low, node, x, weight, bias, group, window)


def linear(low: "Lowering", node: Node) -> Maps:
    """Gemm with constant weights on one row of values."""
    x = low.maps[node.inputs[0]]
    weight = low.graph.constant(node, 1)
    if weight is None or x.shape[0] != 1 or node.attributes.get("transA", 0):
        raise node.fail("one row and constant weights are supported")
    weight = weight if node.attributes.get("transB", 0) else weight.T
    weight = weight * node.attributes.get("alpha", 1.0)
    bias = low.graph.constant(node, 2)
    bias = np.zeros(len(weight)) if bias is None else bias * node.attributes.get("beta", 1.0)
    bias = np.broadcast_to(bias.reshape(-1), len(weight)).astype(np.float32)
    where = x.where.reshape(1, -1, 2)
    return _dense(low, node, Maps(x.buffers, where, ()), weight, bias, 1, Window.pointwise(()))


def _dense(
    low: "Lowering", node: Node, x: Maps, weight: Any, bias: Any, group: int, window: Window
) -> Maps:
    program, lanes = low.program, low.program.lanes
    channels_out = len(weight)
    x = copying.in_one_place(low, node.name, x)
    add = None
    if "add" in node.attributes:
        add = copying.in_blocks(low, node.name, low.maps[node.attributes["add"]])
    slots = _slots(channels_out, group, lanes, add)
    blocks = _blocks(slots, channels_out, group, x.where.shape[1], lanes)
    places = prod(window.out)
    y = program.buffer(len(blocks) * lanes, places, lanes)
    where = np.array([(0, y.offset(slot)) for slot in slots], np.int64).reshape(1, -1, 2)
    macs = places * weight.size
    added = [] if add is None else list(add.buffers)

    def emit(writer: Writer) -> str:
        return _Emitter(node, x, y, add, blocks, weight, bias, window, group, program.registers).emit(writer)

    shape = f"{x.where.shape[1]}×{'×'.join(map(str, x.spatial))} → {channels_out}×{'×'.join(map(str, window.out))}"
    program.steps.append(
        Step(node.name, [*x.buffers, *added], [y], emit, macs, 0, f"{window.title} {shape}")
    )
    return Maps((y,), where, window.out)


def _slots(channels: int, group: int, lanes: int, add: Maps | None) -> list[int]:
    """The slot of each output channel: beside the values that are added, or group by group."""
    if add is not None:
        order: dict[tuple[int, int], int] = {}
        slots = []
        for buffer, offset in add.where.reshape(-1, 2):
            block, lane = divmod(int(offset), add.places * lanes)
            number = order.setdefault((int(buffer), block), len(order))
            slots.append(number * lanes + lane)
        return slots
    each = channels // group
    if group == 1 or each % lanes == 0:
        return list(range(channels))
    stride = -(-each // lanes) * lanes
    return [c // each * stride + c % each for c in range(channels)]


def _blocks(slots: list[int], channels: int, group: int, inputs: int, lanes: int) -> list[Block]:
    count = max(slots) // lanes + 1
    blocks = [Block([-1] * lanes, []) for _ in range(count)]
    for channel, slot in enumerate(slots):
        blocks[slot // lanes].outputs[slot % lanes] = channel
    each_out, each_in = channels // group, inputs // group
    for block in blocks:
        groups = sorted({channel // each_out for channel in block.outputs if channel >= 0})
        block.inputs = [g * each_in + i for g in groups for i in range(each_in)]
    return blocks


@dataclass
class _Emitter:
    node: Node
    x: Maps
    y: Buffer
    add: Maps | None
    blocks: list[Block]
    weight: Any
    bias: Any
    window: Window
    group: int
    registers: int

    def emit(self, writer: Writer) -> str:
        """The layer's function, and the call of it."""
        lanes, window = self.y.lanes, self.window
        name = c_name(self.node.name)
        base = self.x.buffers[0].outside or "work"
        offsets = np.array([max(b.at, 0) + o for b, o in self.x.channels()])
        pointwise = window.is_pointwise
        row = prod(window.out) if pointwise else window.out[-1]
        body = []
        table: list[int] = []
        start = 0
        for members in self._same_inputs():
            at = len(table)
            table += [int(offsets[channel]) for channel in members[0].inputs]
            count = len(members[0].inputs)
            for group_size, runs in tiles.split(row, len(members), self.registers):
                chosen, members = members[:group_size], members[group_size:]
                w = writer.weight(self._pack(chosen))
                y = f"work + {self.y.at + start * self.y.places * lanes}"
                add = self._add_table(writer, name, start, group_size) if self.add else "0"
                start += group_size
                args = f"{base}, {name}_at + {at}, {count}, weights + {w}, {y}, {add}"
                if pointwise:
                    body += self._flat(writer, group_size, runs, args)
                else:
                    body += window.rows(writer, self, group_size, runs, args)
        writer.tables.append(f"static const int32_t {name}_at[{len(table)}] = {{{', '.join(map(str, table))}}};\n")
        text = "\n".join(f"  {line}" for line in body)
        given = f"const float *restrict {base}, " if base != "work" else ""
        writer.functions.append(
            f"static void {name}({given}float *restrict work, const float *restrict weights) {{\n{text}\n}}\n"
        )
        return f"{name}({base + ', ' if base != 'work' else ''}work, weights);"

    def _same_inputs(self) -> list[list[Block]]:
        """Neighbouring blocks that read the same channels can share a tile."""
        found: list[list[Block]] = []
        for block in self.blocks:
            if found and found[-1][0].inputs == block.inputs:
                found[-1].append(block)
            else:
                found.append([block])
        return found

    def _pack(self, chosen: list[Block]) -> Any:
        """Biases, then for each input channel and tap the weights of all lanes."""
        lanes, taps = self.y.lanes, prod(self.weight.shape[2:])
        inputs = chosen[0].inputs
        flat = self.weight.reshape(len(self.weight), -1, taps)
        each_out, each_in = len(self.weight) // self.group, flat.shape[1]
        packed = np.zeros((len(inputs), taps, len(chosen), lanes), np.float32)
        bias = np.zeros((len(chosen), lanes), np.float32)
        places = {channel: number for number, channel in enumerate(inputs)}
        for b, block in enumerate(chosen):
            for lane, channel in enumerate(block.outputs):
                if channel < 0:
                    continue
                first = places[channel // each_out * each_in]
                packed[first : first + each_in, :, b, lane] = flat[channel]
                bias[b, lane] = self.bias[channel]
        return np.concatenate((bias.reshape(-1), packed.reshape(-1)))

    def _add_table(self, writer: Writer, name: str, start: int, count: int) -> str:
        assert self.add is not None
        size = self.add.places * self.y.lanes
        order = dict.fromkeys((int(b), int(o) // size) for b, o in self.add.where.reshape(-1, 2))
        offsets = [self.add.buffers[b].at + block * size for b, block in order]
        if start == 0:
            writer.tables.append(
                f"static const int32_t {name}_add[{len(offsets)}] = {{{', '.join(map(str, offsets))}}};\n"
            )
        return f"{name}_add + {start}"

    def _flat(self, writer: Writer, blocks: int, runs: Any, args: str) -> list[str]:
        lines, place = [], 0
        for wide, times in runs:
            kernel = self.kernel(writer, blocks, wide)
            if times == 1:
                lines.append(f"{kernel}({args}, {place});")
            else:
                end = place + wide * times
                lines.append(f"for (int p = {place}; p < {end}; p += {wide}) {kernel}({args}, p);")
            place += wide * times
        return lines

    def kernel(self, writer: Writer, blocks: int, wide: int) -> str:
        """The C function of one tile of a pointwise product."""
        act, after, suffix = self.epilogue(writer)
        name = f"pointwise_{blocks}x{wide}_{self.x.lanes}_{self.y.places}{suffix}"
        acc = [[f"a{b}_{p}" for p in range(wide)] for b in range(blocks)]
        lines = [f"const float *restrict r = x + (long)place * {self.x.lanes};"]
        lines += [f"v {', '.join(f'{a} = w{b}' for a in acc[b])};".replace("= w", "= bias") for b in range(0)]
        for b in range(blocks):
            lines.append(f"const v bias{b} = load(w + {b} * V);")
            lines.append(f"v {', '.join(f'{a} = bias{b}' for a in acc[b])};")
        lines.append(f"w += {blocks} * V;")
        lines.append(f"for (int c = 0; c < channels; c++, w += {blocks} * V) {{")
        lines.append("  const float *restrict q = r + at[c];")
        lines.append("  " + " ".join(f"const v w{b} = load(w + {b} * V);" for b in range(blocks)))
        for p in range(wide):
            products = " ".join(f"{acc[b][p]} += w{b} * t{p};" for b in range(blocks))
            lines.append(f"  const float t{p} = q[{p * self.x.lanes}]; {products}")
        lines.append("}")
        lines += self.finish(blocks, wide, acc, act, after)
        text = "\n".join(f"  {line}" for line in lines)
        head = (
            f"static void {name}(const float *restrict x, const int32_t *restrict at, int channels,\n"
            f"    const float *restrict w, float *restrict y, const int32_t *restrict add, int place)"
        )
        return writer.kernel(name, f"{head} {{\n{text}\n}}\n")

    def epilogue(self, writer: Writer) -> tuple[str, str, str]:
        """Names of the activations before and after the addition, and a suffix that tells them."""
        act = activations.function(self.node.attributes.get("act"), writer)
        after = activations.function(self.node.attributes.get("act_after"), writer)
        suffix = f"_{act}" if act else ""
        if self.add is not None:
            suffix += f"_add_{after}" if after else "_add"
        return act, after, suffix

    def finish(self, blocks: int, wide: int, acc: list[list[str]], act: str, after: str) -> list[str]:
        """Activation, addition, store."""
        lanes = self.y.lanes
        lines = [f"y += (long)place * {lanes};"]
        if self.add is None:
            lines.append("(void)add;")
        for b in range(blocks):
            if self.add is not None:
                lines.append(f"const float *restrict s{b} = x + add[{b}] + (long)place * {lanes};")
            for p in range(wide):
                value = f"{act}({acc[b][p]})" if act else acc[b][p]
                if self.add is not None:
                    value += f" + load(s{b} + {p * lanes})"
                    value = f"{after}({value})" if after else value
                lines.append(f"store(y + {b * self.y.places * lanes + p * lanes}, {value});")
        return lines


def c_name(name: str) -> str:
    """A node's name as C accepts it."""
    kept = "".join(ch if ch.isalnum() and ch.isascii() else "_" for ch in name)
    return kept if kept[:1].isalpha() else f"n{kept}"
