"""Products of weights and channels: pointwise and full convolutions, grouped ones, linear layers.

A tile is b blocks of output channels by p neighbouring places; its b·p sums stay in registers while
one input channel after the other is read. Where an input channel lies is looked up in a table, so
that channels may lie in any order, and anywhere: a shuffle or a split costs nothing.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swiftlet.compiler.layers import activations, tiles
from swiftlet.compiler.layers.geometry import Window
from swiftlet.compiler.program import Buffer, Layer, Maps, Writer, c_name
from swiftlet.compiler.simplify import Activation

UNROLLED = 96  # products of one channel's row of taps that are written out at most


@dataclass
class Block:
    """One vector of output channels: which they are (-1: none) and which inputs they read."""

    outputs: list[int]
    inputs: list[int]


class Product(Layer):
    """A convolution or linear layer with what follows it: activation, addition, activation."""

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
        self.act, self.act_after = act, act_after
        self.macs = prod(window.out) * weight.size
        self.rows = window.rows
        self.can_band = (window.size[0] == 1 and window.rows > 1) or window.is_pointwise
        self.reads = [b for maps in (x, add, gate) if maps is not None for b in maps.buffers]

    def write_to(self, y: Buffer, slots: list[int]) -> None:
        """Say where the output channels go."""
        self.y, self.writes = y, [y]
        each_out, each_in = len(self.weight) // self.groups, prod(self.x.axes) // self.groups
        self.blocks = [Block([-1] * y.lanes, []) for _ in range(y.blocks)]
        for channel, slot in enumerate(slots):
            self.blocks[slot // y.lanes].outputs[slot % y.lanes] = channel
        for block in self.blocks:
            groups = sorted({c // each_out for c in block.outputs if c >= 0})
            block.inputs = [g * each_in + i for g in groups for i in range(each_in)]

    def summary(self) -> str:
        """Shapes, and what was fused."""
        kind = f"{self.window}" + (f", {self.groups} groups" if self.groups > 1 else "")
        sides = "×".join(map(str, self.x.spatial)) or "1"
        outs = "×".join(map(str, self.window.spatial)) or "1"
        fused = [
            self.gate and "gate",
            self.act and self.act.kind,
            self.add and "sum",
            self.act_after and self.act_after.kind,
        ]
        extra = "".join(f" + {word}" for word in fused if word)
        return f"{kind}{extra}, {prod(self.x.axes)}×{sides} → {len(self.weight)}×{outs}"

    def first_row(self, row: int) -> int:
        return self.window.first_row(row)

    def rows_for(self, rows: int) -> int:
        return self.window.rows_for(rows)

    def emit(self, writer: Writer) -> str:
        name, window = c_name(self.name), self.window
        flat = window.is_pointwise and not self.banded
        rows, columns = (1, prod(window.out)) if flat else (window.rows, window.out[2])
        lines: list[str] = []
        at: list[int] = []
        offsets, start = self.x.offsets(), 0
        for members in self._alike():
            first = len(at)
            at += [offsets[channel] for channel in members[0].inputs]
            for size in tiles.split(columns, len(members), self.registers):
                chosen, members = members[:size], members[size:]
                lines += self._group(writer, chosen, start, columns, f"{name}_at + {first}", flat)
                start += size
        writer.table(f"{name}_at", at)
        if self.gate is not None:
            gates = self.gate.offsets()
            inputs = [c for members in self._alike() for c in members[0].inputs]
            writer.table(f"{name}_gate", [gates[channel] for channel in inputs])
        if self.add is not None:
            writer.table(f"{name}_add", [b.offset(n * b.lanes) for b, n in self.add.blocks()])
        base = self.x.buffers[0].base
        given = f"const float *{base}, " if base != "work" else ""
        bounds = "" if flat else ", int from, int to"
        writer.function(
            f"static void {name}({given}float *work, const float *weights{bounds})",
            lines,
        )
        passed = f"{base}, " if base != "work" else ""
        limits = "" if flat else ", {from}, {to}"
        del rows
        return f"{name}({passed}work, weights{limits})"

    def _alike(self) -> list[list[Block]]:
        """Neighbouring blocks that read the same channels; they can share a tile."""
        found: list[list[Block]] = []
        for block in self.blocks:
            if found and found[-1][0].inputs == block.inputs:
                found[-1].append(block)
            else:
                found.append([block])
        return found

    def _group(
        self, writer: Writer, chosen: list[Block], start: int, columns: int, at: str, flat: bool
    ) -> list[str]:
        """The loops over rows and tiles for a few blocks."""
        x, y, size = self.x, self.y, len(chosen)
        w = f"weights + {writer.weight(self._pack(chosen))}"
        add = f"{c_name(self.name)}_add + {start}" if self.add is not None else ""
        target = f"work + {y.offset(start * y.lanes)}"
        base, count = x.buffers[0].base, len(chosen[0].inputs)

        def call(kernel: str, read: str, write: str, place: str) -> str:
            extra = f", work + {place} * {y.lanes}, {add}" if add else ""
            extra += f", work, {at.replace('_at', '_gate')}" if self.gate is not None else ""
            source = f"{base} + {read} * {x.lanes}"
            return f"{kernel}({source}, {at}, {count}, {w}, {target} + {write} * {y.lanes}{extra});"

        if flat:
            return self._tiles(writer, size, columns, lambda k, p: call(k, p, p, p))
        width = self.window.out[2]
        lines = ["for (int row = from; row < to; row++) {"]
        if self.window.is_pointwise:
            read = f"({_row('row', self.x.buffers[0])} * {width} + {{p}})"
            write = f"({_row('row', y)} * {width} + {{p}})"
            place = f"(row * {width} + {{p}})"
            inner = self._tiles(
                writer,
                size,
                width,
                lambda k, p: call(k, *(text.format(p=p) for text in (read, write, place))),
            )
        else:
            inner = self._direct(writer, size, at, count, w, target, add)
        return [*lines, *(f"  {line}" for line in inner), "}"]

    def _tiles(self, writer: Writer, size: int, columns: int, call: Any) -> list[str]:
        lines, place = [], 0
        for wide, times in tiles.runs(columns, size, self.registers)[1]:
            kernel = self._pointwise(writer, size, wide)
            if times == 1:
                lines.append(call(kernel, str(place)))
            else:
                end = place + wide * times
                lines.append(f"for (int p = {place}; p < {end}; p += {wide}) {call(kernel, 'p')}")
            place += wide * times
        return lines

    def _pack(self, chosen: list[Block]) -> NDArray[np.float32]:
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

    def _epilogue(self, writer: Writer) -> tuple[str, str, str]:
        """C names of the two activations, and a suffix for the kernel's name."""
        act = activations.function(self.act, writer)
        after = activations.function(self.act_after, writer)
        suffix = f"_{act}" if act else ""
        if self.add is not None:
            suffix += f"_add{self.add.places}" + (f"_{after}" if after else "")
        if self.gate is not None:
            suffix += "_gated"
        return act, after, suffix

    def _head(self, name: str, more: str = "") -> str:
        add = ", const float *s, const int32_t *add" if self.add is not None else ""
        add += ", const float *g, const int32_t *gate" if self.gate is not None else ""
        return (
            f"static void {name}(const float *x, const int32_t *at, int channels,\n"
            f"    const float *w, float *y{add}{more})"
        )

    def _sums(self, blocks: int, wide: int) -> list[str]:
        lines = []
        for b in range(blocks):
            names = ", ".join(f"a{b}_{p} = bias{b}" for p in range(wide))
            lines += [f"const v bias{b} = load(w + {b} * V);", f"v {names};"]
        return [*lines, f"w += {blocks} * V;"]

    def _store(self, blocks: int, wide: int, act: str, after: str) -> list[str]:
        lines = []
        for b in range(blocks):
            for p in range(wide):
                value = f"{act}(a{b}_{p})" if act else f"a{b}_{p}"
                if self.add is not None:
                    value = f"{value} + load(s + add[{b}] + {p} * V)"
                    value = f"{after}({value})" if after else value
                lines.append(f"store(y + {b * self.y.places + p} * V, {value});")
        return lines

    def _pointwise(self, writer: Writer, blocks: int, wide: int) -> str:
        """The C function of one tile of a pointwise product."""
        act, after, suffix = self._epilogue(writer)
        step, gated = self.x.lanes, " * scale" if self.gate is not None else ""
        name = f"pointwise_{blocks}x{wide}_from{step}_to{self.y.places}{suffix}"
        lines = [
            *self._sums(blocks, wide),
            f"for (int c = 0; c < channels; c++, w += {blocks} * V) {{",
            "  const float *q = x + at[c];",
            *(["  const v scale = fill(g[gate[c]]);"] if gated else []),
            "  const v "
            + ", ".join(f"w{b} = load(w + {b} * V){gated}" for b in range(blocks))
            + ";",
        ]
        for p in range(wide):
            products = " ".join(f"a{b}_{p} += w{b} * t{p};" for b in range(blocks))
            lines.append(f"  const float t{p} = q[{p * step}]; {products}")
        lines += ["}", *self._store(blocks, wide, act, after)]
        return writer.kernel(name, _function(self._head(name), lines))

    def _direct(
        self, writer: Writer, size: int, at: str, count: int, w: str, target: str, add: str
    ) -> list[str]:
        """One row of a convolution with a window."""
        window, y = self.window, self.y
        widest = max(1, (self.registers - size - 1) // size)
        widest = min(widest, -(-window.out[2] // -(-window.out[2] // widest)))
        lines = []
        for start, wide, times in window.tiles(widest):
            kernel = self._windowed(writer, size, start, wide)
            place = f"({_row('row', y)} * {window.out[2]} + {{p}})"
            beside = f"(row * {window.out[2]} + {{p}})"
            extra = f", work + {beside} * {y.lanes}, {add}" if add else ""
            call = (
                f"{kernel}({self.x.buffers[0].base}, {at}, {count}, {w}, "
                f"{target} + {place} * {y.lanes}{extra}, row, {{p}});"
            )
            if times == 1:
                lines.append(call.format(p=start))
            else:
                loop = f"for (int p = {start}; p < {start + wide * times}; p += {wide}) "
                lines.append(loop + call.format(p="p"))
        return lines

    def _windowed(self, writer: Writer, blocks: int, start: int, wide: int) -> str:
        """The C function of one tile of a convolution with a window."""
        act, after, suffix = self._epilogue(writer)
        window, step, buffer = self.window, self.x.lanes, self.x.buffers[0]
        border = "" if window.is_inside(start, wide) else f"_at{start}"
        ring = f"_ring{buffer.ring}" if buffer.ring else ""
        tile = f"{blocks}x{wide}{border}_from{step}{ring}_to{self.y.places}"
        name = f"window_{window.name}_{tile}{suffix}"
        (kd, kh, kw), (sd, sh, sw), (pd, ph, pw) = window.kernel, window.stride, window.pad
        (dd, dh, _), (depth, height, width) = window.dilation, window.size
        inner = []
        for tap in range(kw):
            seen = [
                (p, column) for p in range(wide) for t, column in window.taps(start, p) if t == tap
            ]
            if not seen:
                continue
            weights = ", ".join(f"w{b} = load(w + {tap * blocks + b} * V)" for b in range(blocks))
            inner.append(f"{{ const v {weights}; float t;")
            for p, column in seen:
                products = " ".join(f"a{b}_{p} += w{b} * t;" for b in range(blocks))
                inner.append(f"  t = l[{column * step}]; {products}")
            inner.append("}")
            inner.append("APART;")
        line = _row("line", buffer)
        body = [
            f"for (int k = 0; k < {kh}; k++, w += {kw * blocks} * V) {{",
            f"  const int line = top + k * {dh};",
            f"  if ((unsigned)line >= {height}u) continue;",
            f"  const float *l = q + (long)({line}) * {width * step};",
            *(f"  {text}" for text in inner),
            "}",
        ]
        if kd > 1 or depth > 1:
            body = [
                f"for (int j = 0; j < {kd}; j++) {{",
                f"  const int sheet = row / {window.out[1]} * {sd} - {pd} + j * {dd};",
                f"  if ((unsigned)sheet >= {depth}u) {{ w += {kh * kw * blocks} * V; continue; }}",
                f"  const float *q = r + (long)sheet * {height * width * step};",
                *(f"  {text}" for text in body),
                "}",
            ]
        row = f"row % {window.out[1]}" if window.out[0] > 1 else "row"
        origin = "r" if kd > 1 or depth > 1 else "q"
        lines = [
            *self._sums(blocks, wide),
            f"const int top = {row} * {sh} - {ph};",
            "for (int c = 0; c < channels; c++) {",
            f"  const float *{origin} = x + at[c] + (long)(place * {sw} - {pw}) * {step};",
            *(f"  {text}" for text in body),
            "}",
            *self._store(blocks, wide, act, after),
        ]
        return writer.kernel(name, _function(self._head(name, ", int row, int place"), lines))


def _row(row: str, buffer: Buffer) -> str:
    """Where a row lies in memory."""
    return f"{row} % {buffer.ring}" if buffer.ring else row


def _function(head: str, lines: list[str]) -> str:
    body = "\n".join(f"  {line}" for line in lines)
    return f"{head} {{\n{body}\n}}\n"
