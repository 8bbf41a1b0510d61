"""Layers in which no channel looks at another: each lane of a block works for itself.

Output blocks lie as the input blocks do, so that channels keep their slots, in whatever order.
"""

from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from swiftlet.compiler.layers import activations
from swiftlet.compiler.layers.geometry import Window
from swiftlet.compiler.program import Buffer, Layer, Maps, Writer, c_name
from swiftlet.compiler.simplify import Activation

WIDE = 8  # output places made at once
WORDS = {"*": "product", "+": "sum", "-": "difference", "/": "quotient"}


def beside(x: Maps, y: Buffer) -> Maps:
    """The tensor in `y`, which has a block for each block of `x`."""
    numbers = {(id(b), block): number for number, (b, block) in enumerate(x.blocks())}
    slots = [
        numbers[id(b), slot // b.lanes] * b.lanes + slot % b.lanes for b, slot, _ in x.channels()
    ]
    where = np.array([(0, slot, 0) for slot in slots], np.int64).reshape(*x.axes, 3)
    return Maps((y,), where, y.spatial)


class Blockwise(Layer):
    """Shared by all: one C function makes one block; a table says where the input blocks lie."""

    def __init__(self, name: str, x: Maps, y: Buffer) -> None:
        self.name, self.x, self.y = name, x, y
        self.reads, self.writes = list(x.buffers), [y]

    @property
    def rows(self) -> int:  # type: ignore[override]
        """Its pieces are blocks."""
        return len(self.x.blocks())

    def each_block(self, writer: Writer, call: str, by_row: bool = False) -> str:
        """The layer's function: `call` for every block, with {x}, {y} and {b} filled in.

        `by_row`: all blocks of the rows from `from` to `to`; else the blocks of that range.
        """
        name, blocks = c_name(self.name), self.x.blocks()
        writer.table(f"{name}_at", [b.offset(block * b.lanes) for b, block in blocks])
        step, source = self.y.places * self.y.lanes, self.x.buffers[0].base
        text = call.format(
            x=f"{source} + {name}_at[b]",
            y=f"{self.y.base} + {self.y.at} + (long)b * {step}",
            b="b",
        )
        bounds = ("0", str(len(blocks))) if by_row else ("from", "to")
        if self.slices:
            writer.table(f"{name}_slices", self.slices)
            bounds = (f"{name}_slices[slice]", f"{name}_slices[slice + 1]")
        loop = f"for (int b = {bounds[0]}; b < {bounds[1]}; b++)"
        return self.pieces(writer, [*self.before(writer), loop, f"  {text};"])

    def before(self, writer: Writer) -> list[str]:
        """Lines in front of the loop over the blocks."""
        return []


class Windowed(Blockwise):
    """Depthwise convolution, maximum or average over a window."""

    def __init__(
        self,
        name: str,
        x: Maps,
        y: Buffer,
        window: Window,
        kind: Literal["depthwise", "max", "average"],
        *,
        weight: NDArray[Any] | None = None,
        bias: NDArray[Any] | None = None,
        act: Activation | None = None,
        count_padding: bool = False,
    ) -> None:
        super().__init__(name, x, y)
        self.window, self.kind, self.act = window, kind, act
        self.weight, self.bias, self.count_padding = weight, bias, count_padding
        self.can_band = window.is_flat
        self.macs = 0 if weight is None else prod(window.out) * weight.size

    def summary(self) -> str:
        act = f" + {self.act.kind}" if self.act else ""
        sides = "×".join(map(str, self.x.spatial)), "×".join(map(str, self.window.spatial))
        return f"{self.kind} {self.window}{act}, {prod(self.x.axes)} maps {sides[0]} → {sides[1]}"

    @property
    def rows(self) -> int:  # type: ignore[override]
        """Rows of the output; blocks, when it stands alone in a single thread."""
        return self.window.rows if self._by_row else super().rows

    @property
    def _by_row(self) -> bool:
        """Whether a piece of its work is a row: a thread then reads what it has made itself."""
        return self.banded or self.parts > 1

    def first_row(self, row: int) -> int:
        return self.window.first_row(row)

    def rows_for(self, rows: int) -> int:
        return self.window.rows_for(rows)

    def emit(self, writer: Writer) -> str:
        kernel = self._kernel(writer)
        w = ""
        if self.weight is not None:
            packed = self._pack()
            w = f", weights + {writer.weight(packed)} + b * {packed[0].size}"
        rows = "from, to" if self._by_row else f"0, {self.window.rows}"
        return self.each_block(writer, f"{kernel}({{x}}{w}, {{y}}, {rows})", self._by_row)

    def before(self, writer: Writer) -> list[str]:
        """Fetches of the rows that other threads have made: they come while own ones are read."""
        source, window = self.x.buffers[0], self.window
        if source.parts == 1 or self.banded:
            return []
        (_, stride, _), (_, pad, _), reach = window.stride, window.pad, window.kernel[1]
        reach = (reach - 1) * window.dilation[1] + 1
        rows, width = window.size[1:]
        last = f"LEAST({rows}, end - {stride + pad} + {reach})"
        address = f"work + {c_name(self.name)}_at[b] + {writer.row(source, 'row', width)}"
        return [
            f"const int own = from * {stride}, end = to * {stride};",
            f"for (int row = MOST(0, own - {pad}); row < {last}; row++)",
            f"  for (int b = 0; b < {len(self.x.blocks())} && (row < own || row >= end); b++)",
            f"    for (int p = 0; p < {width}; p++)",
            f"      FETCH({address} + p * V);",
        ]

    def _pack(self) -> NDArray[np.float32]:
        """For each block the biases, then the weights tap by tap."""
        assert self.weight is not None
        assert self.bias is not None
        lanes, taps = self.y.lanes, self.weight[0].size
        numbers = {(id(b), block): n for n, (b, block) in enumerate(self.x.blocks())}
        packed = np.zeros((len(numbers), 1 + taps, lanes), np.float32)
        for channel, (buffer, slot, _) in enumerate(self.x.channels()):
            block = packed[numbers[id(buffer), slot // lanes]]
            block[0, slot % lanes] = self.bias[channel]
            block[1:, slot % lanes] = self.weight[channel].reshape(-1)
        return packed

    def _kernel(self, writer: Writer) -> str:
        """The C function that makes some rows of one block."""
        window, act = self.window, activations.function(self.act, writer)
        source, target = self.x.buffers[0], self.y
        name = f"{self.kind}_{window.name}"
        name += f"_ring{source.ring}" if source.ring else ""
        name += f"_to{target.ring}" if target.ring else ""
        name += "_from_apart" if source.parts > 1 else ""
        name += "_to_apart" if target.parts > 1 else ""
        name += "_padded" if self.count_padding else ""
        name += f"_{act}" if act else ""
        sh, ph = window.stride[1], window.pad[1]
        top = f"row % {window.out[1]}" if window.out[0] > 1 else "row"
        lines = [
            "for (int row = from; row < to; row++) {",
            f"  const int top = {top} * {sh} - {ph};",
            f"  float *o = y + {writer.row(target, 'row', window.out[2])};",
        ]
        for start, wide, times in window.tiles(WIDE):
            body = self._tile(writer, start, wide, act)
            if times > 1:
                loop = f"for (int p = {start}; p < {start + wide * times}; p += {wide}) {{"
                lines += [f"  {loop}", *(f"    {text}" for text in body), "  }"]
            else:
                lines += [f"  {{ const int p = {start};", *(f"    {text}" for text in body), "  }"]
        lines.append("}")
        weights = ", const float *w" if self.kind == "depthwise" else ""
        head = f"static void {name}(const float *x{weights}, float *y, int from, int to)"
        text = "\n".join(f"  {line}" for line in lines)
        return writer.kernel(name, f"{head} {{\n{text}\n}}\n")

    def _tile(self, writer: Writer, start: int, wide: int, act: str) -> list[str]:
        window, source = self.window, self.x.buffers[0]
        (kd, kh, kw), (sd, _, sw), (pd, _, pw) = window.kernel, window.stride, window.pad
        (dd, dh, _), (depth, height, width) = window.dilation, window.size
        first = {"depthwise": "load(w)", "max": "fill(-INFINITY)", "average": "fill(0)"}[self.kind]
        counted = self.kind == "average" and not self.count_padding
        tap_of = f"k * {kw}" if kd == 1 else f"(j * {kh} + k) * {kw}"
        inner = [
            f"const int line = top + k * {dh};",
            f"if ((unsigned)line >= {height}u) continue;",
            *(["lines++;"] if counted else []),
            f"const float *l = {'x' if kd == 1 and depth == 1 else 's'} "
            f"+ {writer.row(source, 'line', width)} + (p * {sw} - {pw}) * V;",
        ]
        for tap in range(kw):
            seen = [(p, c) for p in range(wide) for t, c in window.taps(start, p) if t == tap]
            if self.kind == "depthwise" and seen:
                inner.append(f"{{ const v t = load(w + (1 + {tap_of} + {tap}) * V);")
                inner += [f"  a{p} += t * load(l + {c} * V);" for p, c in seen]
                inner.append("}")
            elif self.kind == "max":
                inner += [f"a{p} = vmax(a{p}, load(l + {c} * V));" for p, c in seen]
            else:
                inner += [f"a{p} += load(l + {c} * V);" for p, c in seen]
        body = [f"for (int k = 0; k < {kh}; k++) {{", *(f"  {text}" for text in inner), "}"]
        if kd > 1 or depth > 1:
            body = [
                f"for (int j = 0; j < {kd}; j++) {{",
                f"  const int sheet = row / {window.out[1]} * {sd} - {pd} + j * {dd};",
                f"  if ((unsigned)sheet >= {depth}u) continue;",
                f"  const float *s = x + (long)sheet * {height * width} * V;",
                *(f"  {text}" for text in body),
                "}",
            ]
        lines = [f"v {', '.join(f'a{p} = {first}' for p in range(wide))};"]
        lines += ["int lines = 0;"] if counted else []
        lines += body
        for p in range(wide):
            value = f"a{p}"
            if self.kind == "average":
                value += (
                    f" * (1.0f / (lines * {len(window.taps(start, p))}))"
                    if counted
                    else f" * (1.0f / {prod(window.kernel)})"
                )
            value = f"{act}({value})" if act else value
            lines.append(f"store(o + (p + {p}) * V, {value});")
        return lines


class Mean(Blockwise):
    """The mean of each map."""

    def summary(self) -> str:
        return f"mean of {prod(self.x.axes)} maps of {self.x.places} places"

    def emit(self, writer: Writer) -> str:
        source, width = self.x.buffers[0], self.x.spatial[-1]
        rows, places = prod(self.x.spatial[:-1]), self.x.places
        fours = width - width % 4
        lines = [
            "v a = fill(0), b = fill(0), c = fill(0), d = fill(0);",
            f"for (int row = 0; row < {rows}; row++) {{",
            f"  const float *l = x + {writer.row(source, 'row', width)};",
        ]
        if fours:
            lines += [
                f"  for (int p = 0; p < {fours}; p += 4) {{",
                "    a += load(l + p * V), b += load(l + (p + 1) * V);",
                "    c += load(l + (p + 2) * V), d += load(l + (p + 3) * V);",
                "  }",
            ]
        lines += [f"  {'abc'[p % 4]} += load(l + {p} * V);" for p in range(fours, width)]
        lines += ["}", f"store(y, ((a + b) + (c + d)) * (1.0f / {places}));"]
        text = "\n".join(f"  {line}" for line in lines)
        name = f"mean_{rows}x{width}" + ("_apart" if source.parts > 1 else "")
        head = f"static void {name}(const float *x, float *y)"
        kernel = writer.kernel(name, f"{head} {{\n{text}\n}}\n")
        return self.each_block(writer, f"{kernel}({{x}}, {{y}})")


class Placewise(Blockwise):
    """Shared by layers in which each place of a map is worked on for itself."""

    @property
    def rows(self) -> int:  # type: ignore[override]
        """Its pieces are rows where each thread has its own, else blocks."""
        return prod(self.x.spatial[:-1]) if self._by_row else super().rows

    @property
    def _by_row(self) -> bool:
        return any(buffer.parts > 1 for buffer in (*self.x.buffers, self.y))

    def each_place(self, writer: Writer, name: str, value: str, other: str = "") -> str:
        """The layer's function: `value` at place p of x, and of s, which is where `other` says.

        Of a piece, p counts from its own first place.
        """
        width, shifts, count = self.x.spatial[-1] if self.x.spatial else 1, ["", ""], "places"
        if self._by_row:
            ends = self.x.buffers[0], self.y
            shifts = [f" + {writer.row(buffer, 'from', width)}" for buffer in ends]
        else:
            name, count = f"{name}_{self.x.places}", str(self.x.places)
        second = "const float *s, " if other else ""
        given = ", int places" if self._by_row else ""
        kernel = writer.kernel(
            name,
            f"static void {name}(const float *x, {second}float *y{given}) {{\n"
            f"  for (int p = 0; p < {count}; p++) store(y + p * V, {value});\n}}\n",
        )
        second = f", {other}" if other else ""
        more = f", (to - from) * {width}" if self._by_row else ""
        call = f"{kernel}({{x}}{shifts[0]}{second}, {{y}}{shifts[1]}{more})"
        return self.each_block(writer, call, self._by_row)


class Activate(Placewise):
    """An activation by itself."""

    def __init__(self, name: str, x: Maps, y: Buffer, act: Activation) -> None:
        super().__init__(name, x, y)
        self.act = act

    def summary(self) -> str:
        return f"{self.act.kind} of {prod(self.x.axes)} maps of {self.x.places} places"

    def emit(self, writer: Writer) -> str:
        name = activations.function(self.act, writer)
        return self.each_place(writer, f"map_{name}", f"{name}(load(x + p * V))")


class Pairing(Placewise):
    """A value joined with another by an operator: shared by those that differ in the other."""

    def __init__(
        self, name: str, x: Maps, other: Maps, y: Buffer, sign: str, act: Activation | None
    ) -> None:
        super().__init__(name, x, y)
        self.other, self.sign, self.act = other, sign, act
        self.reads = [*x.buffers, *other.buffers]

    def joined(self, writer: Writer, kind: str, second: str, other: str) -> str:
        """The layer's function; `second` is C for the value of s at place p."""
        act = activations.function(self.act, writer)
        name = f"{WORDS[self.sign]}{kind}" + (f"_{act}" if act else "")
        value = f"load(x + p * V) {self.sign} {second}"
        return self.each_place(writer, name, f"{act}({value})" if act else value, other)


class Join(Pairing):
    """Sum or product of two tensors, or of one with a value for each of its channels."""

    def summary(self) -> str:
        return f"{self.x.shape} {self.sign} {self.other.shape}"

    def emit(self, writer: Writer) -> str:
        table = f"{c_name(self.name)}_other"
        writer.table(table, [b.offset(block * b.lanes) for b, block in self.other.blocks()])
        other = f"work + {table}[b]"
        if self.other.places != self.x.places:
            return self.joined(writer, "_by_channel", "load(s)", other)
        if self._by_row:
            other += f" + {writer.row(self.other.buffers[0], 'from', self.x.spatial[-1])}"
        return self.joined(writer, "", "load(s + p * V)", other)
