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
        return self.pieces(writer, [loop, f"  {text};"])


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
        name += "_padded" if self.count_padding else ""
        name += f"_{act}" if act else ""
        sh, ph = window.stride[1], window.pad[1]
        row = f"row % {target.ring}" if target.ring else "row"
        top = f"row % {window.out[1]}" if window.out[0] > 1 else "row"
        lines = [
            "for (int row = from; row < to; row++) {",
            f"  const int top = {top} * {sh} - {ph};",
            f"  float *o = y + (long)({row}) * {window.out[2]} * V;",
        ]
        for start, wide, times in window.tiles(WIDE):
            body = self._tile(start, wide, act)
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

    def _tile(self, start: int, wide: int, act: str) -> list[str]:
        window, source = self.window, self.x.buffers[0]
        (kd, kh, kw), (sd, _, sw), (pd, _, pw) = window.kernel, window.stride, window.pad
        (dd, dh, _), (depth, height, width) = window.dilation, window.size
        first = {"depthwise": "load(w)", "max": "fill(-INFINITY)", "average": "fill(0)"}[self.kind]
        counted = self.kind == "average" and not self.count_padding
        line = f"line % {source.ring}" if source.ring else "line"
        tap_of = f"k * {kw}" if kd == 1 else f"(j * {kh} + k) * {kw}"
        inner = [
            f"const int line = top + k * {dh};",
            f"if ((unsigned)line >= {height}u) continue;",
            *(["lines++;"] if counted else []),
            f"const float *l = {'x' if kd == 1 and depth == 1 else 's'} "
            f"+ ((long)({line}) * {width} + p * {sw} - {pw}) * V;",
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
        places = self.x.places
        fours = places - places % 4
        lines = ["v a = fill(0), b = fill(0), c = fill(0), d = fill(0);"]
        if fours:
            lines += [
                f"for (int p = 0; p < {fours}; p += 4) {{",
                "  a += load(x + p * V), b += load(x + (p + 1) * V);",
                "  c += load(x + (p + 2) * V), d += load(x + (p + 3) * V);",
                "}",
            ]
        lines += [f"a += load(x + {p} * V);" for p in range(fours, places)]
        lines.append(f"store(y, ((a + b) + (c + d)) * (1.0f / {places}));")
        text = "\n".join(f"  {line}" for line in lines)
        head = f"static void mean_{places}(const float *x, float *y)"
        kernel = writer.kernel(f"mean_{places}", f"{head} {{\n{text}\n}}\n")
        return self.each_block(writer, f"{kernel}({{x}}, {{y}})")


class Activate(Blockwise):
    """An activation by itself."""

    def __init__(self, name: str, x: Maps, y: Buffer, act: Activation) -> None:
        super().__init__(name, x, y)
        self.act = act

    def summary(self) -> str:
        return f"{self.act.kind} of {prod(self.x.axes)} maps of {self.x.places} places"

    def emit(self, writer: Writer) -> str:
        name, places = activations.function(self.act, writer), self.x.places
        kernel = writer.kernel(
            f"map_{name}_{places}",
            f"static void map_{name}_{places}(const float *x, float *y) {{\n"
            f"  for (int p = 0; p < {places}; p++)\n"
            f"    store(y + p * V, {name}(load(x + p * V)));\n}}\n",
        )
        return self.each_block(writer, f"{kernel}({{x}}, {{y}})")


class Pairing(Blockwise):
    """A value joined with another by an operator: shared by those that differ in the other."""

    def __init__(
        self, name: str, x: Maps, other: Maps, y: Buffer, sign: str, act: Activation | None
    ) -> None:
        super().__init__(name, x, y)
        self.other, self.sign, self.act = other, sign, act
        self.reads = [*x.buffers, *other.buffers]

    def kernel(self, writer: Writer, kind: str, second: str) -> str:
        """The C function of one block; `second` is C for the other value at place p."""
        places, act = self.x.places, activations.function(self.act, writer)
        name = f"{WORDS[self.sign]}_{places}{kind}" + (f"_{act}" if act else "")
        value = f"load(x + p * V) {self.sign} {second}"
        value = f"{act}({value})" if act else value
        return writer.kernel(
            name,
            f"static void {name}(const float *x, const float *s, float *y) {{\n"
            f"  for (int p = 0; p < {places}; p++) store(y + p * V, {value});\n}}\n",
        )


class Join(Pairing):
    """Sum or product of two tensors, or of one with a value for each of its channels."""

    def summary(self) -> str:
        return f"{self.x.shape} {self.sign} {self.other.shape}"

    def emit(self, writer: Writer) -> str:
        whole = self.other.places == self.x.places
        kind, second = ("", "load(s + p * V)") if whole else ("_by_channel", "load(s)")
        kernel = self.kernel(writer, kind, second)
        table = f"{c_name(self.name)}_other"
        writer.table(table, [b.offset(block * b.lanes) for b, block in self.other.blocks()])
        return self.each_block(writer, f"{kernel}({{x}}, work + {table}[b], {{y}})")
