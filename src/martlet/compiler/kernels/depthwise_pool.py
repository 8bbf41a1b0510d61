"""Windows over each map by itself: depthwise convolutions, maxima and averages."""

from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.codegen.c_text import braced, function
from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import shape_text
from martlet.compiler.ir.operators import Activation
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.ir.window import Window
from martlet.compiler.kernels import activations
from martlet.compiler.kernels.channelwise import Blockwise

TILE_PLACES = 8  # output places made at once


class Windowed(Blockwise):
    """Depthwise convolution, maximum or average over a window."""

    goes_by_blocks = True

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
        self.operator = "depthwise convolution" if kind == "depthwise" else "pooling"
        self.weight, self.bias, self.count_padding = weight, bias, count_padding
        self.fused = [act.kind] if act else []
        if window.is_flat:
            self.row_window = window
        self.macs = 0 if weight is None else prod(window.out) * weight.size

    def summary(self) -> str:
        what = self.with_fused(f"{self.kind} {self.window}")
        sides = f"{shape_text(self.x.spatial)} → {shape_text(self.window.spatial)}"
        return f"{what}, {prod(self.x.axes)} maps {sides}"

    def rows(self, schedule: Schedule) -> int:
        """Rows of the output; blocks, when it stands alone in a single thread."""
        return self.window.rows if self.by_rows(schedule) else super().rows(schedule)

    def by_rows(self, schedule: Schedule) -> bool:
        """Whether a piece of its work is a row: a thread then reads what it has made itself."""
        return self.name in schedule.banded or schedule.threads > 1

    def emit(self, writer: Writer) -> str:
        kernel = self._kernel(writer)
        w = ""
        if self.weight is not None:
            (first,) = writer.schedule.packed[self.name].starts()
            each = (1 + self.weight[0].size) * self.y.lanes  # floats
            w = f", weights + {first} + b * {each}"
        by_rows = self.by_rows(writer.schedule)
        rows = "from, to" if by_rows else f"0, {self.window.rows}"
        return self.each_block(writer, f"{kernel}({{x}}{w}, {{y}}, {rows})", by_rows)

    def before(self, writer: Writer, at: str) -> list[str]:
        """Fetches of the rows that other threads have made: they come while own ones are read."""
        source, window = self.x.buffers[0], self.window
        if writer.schedule[source].parts == 1 or self.name in writer.schedule.banded:
            return []
        (_, stride, _), (_, pad, _), reach = window.stride, window.pad, window.kernel[1]
        reach = (reach - 1) * window.dilation[1] + 1
        rows, width = window.size[1:]
        last = f"LEAST({rows}, end - {stride + pad} + {reach})"
        address = f"work + {at}[b] + {writer.row(source, 'row', width)}"
        return [
            f"const int own = from * {stride}, end = to * {stride};",
            f"for (int row = MOST(0, own - {pad}); row < {last}; row++)",
            f"  for (int b = 0; b < {len(self.x.blocks())} && (row < own || row >= end); b++)",
            f"    for (int p = 0; p < {width}; p++)",
            f"      FETCH({address} + p * V);",
        ]

    def packed_weights(self, schedule: Schedule) -> list[NDArray[np.float32]]:
        """For each block the biases, then the weights tap by tap."""
        if self.weight is None:
            return []
        assert self.bias is not None
        lanes, taps = self.y.lanes, self.weight[0].size
        packed = np.zeros((len(self.x.blocks()), 1 + taps, lanes), np.float32)
        for channel, (block, lane) in enumerate(self.x.positions()):
            packed[block, 0, lane] = self.bias[channel]
            packed[block, 1:, lane] = self.weight[channel].reshape(-1)
        return [packed]

    def _kernel(self, writer: Writer) -> str:
        """The C function that makes some rows of one block."""
        window, many = self.window, activations.of_many(self.act, writer)
        act = "" if many else activations.function(self.act, writer)
        source, target = self.x.buffers[0], self.y
        name = f"{self.kind}_{window.name}"
        here, there = writer.schedule[source], writer.schedule[target]
        name += f"_ring{here.ring}" if here.ring else ""
        name += f"_to{there.ring}" if there.ring else ""
        name += "_from_apart" if here.parts > 1 else ""
        name += "_to_apart" if there.parts > 1 else ""
        name += "_padded" if self.count_padding else ""
        name += f"_{act or many}" if self.act else ""
        sh, ph = window.stride[1], window.pad[1]
        top = f"row % {window.out[1]}" if window.out[0] > 1 else "row"
        inside = [
            f"const int top = {top} * {sh} - {ph};",
            f"float *o = y + {writer.row(target, 'row', window.out[2])};",
        ]
        for start, wide, times in window.tiles(TILE_PLACES):
            body = self._tile(writer, start, wide, act)
            if times > 1:
                loop = f"for (int p = {start}; p < {start + wide * times}; p += {wide})"
                inside += braced(loop, body)
            else:
                inside += [f"{{ const int p = {start};", *(f"  {text}" for text in body), "}"]
        inside += [f"{many}(o, {window.out[2]});"] if many else []
        weights = ", const float *w" if self.kind == "depthwise" else ""
        head = f"static void {name}(const float *x{weights}, float *y, int from, int to)"
        return writer.kernel(
            name, function(head, braced("for (int row = from; row < to; row++)", inside))
        )

    def _tile(self, writer: Writer, start: int, wide: int, act: str) -> list[str]:
        window, source = self.window, self.x.buffers[0]
        (kd, kh, kw), (_, _, sw), (_, _, pw) = window.kernel, window.stride, window.pad
        (_, dh, _), (_, height, width) = window.dilation, window.size
        first = {"depthwise": "load(w)", "max": "fill(-INFINITY)", "average": "fill(0)"}[self.kind]
        counted = self.kind == "average" and not self.count_padding
        tap_of = f"k * {kw}" if kd == 1 else f"(j * {kh} + k) * {kw}"
        inner = [
            f"const int line = top + k * {dh};",
            f"if ((unsigned)line >= {height}u) continue;",
            *(["lines++;"] if counted else []),
            f"const float *l = {'s' if window.is_deep else 'x'} "
            f"+ {writer.row(source, 'line', width)} + (p * {sw} - {pw}) * V;",
        ]
        for tap in range(kw):
            reach = [(p, c) for p in range(wide) for t, c in window.taps(start, p) if t == tap]
            if self.kind == "depthwise" and reach:
                inner.append(f"{{ const v t = load(w + (1 + {tap_of} + {tap}) * V);")
                inner += [f"  a{p} += t * load(l + {c} * V);" for p, c in reach]
                inner.append("}")
            elif self.kind == "max":
                inner += [f"a{p} = vmax(a{p}, load(l + {c} * V));" for p, c in reach]
            else:
                inner += [f"a{p} += load(l + {c} * V);" for p, c in reach]
        body = braced(f"for (int k = 0; k < {kh}; k++)", inner)
        body = window.over_depths(body, "s = x", f"{height * width} * V")
        lines = [f"v {', '.join(f'a{p} = {first}' for p in range(wide))};"]
        lines += ["int lines = 0;"] if counted else []
        lines += body
        for p in range(wide):
            value = f"a{p}"
            if self.kind == "average":
                seen = f"(lines * {len(window.taps(start, p))})"
                value += f" * (1.0f / {seen if counted else prod(window.kernel)})"
            value = f"{act}({value})" if act else value
            lines.append(f"store(o + (p + {p}) * V, {value});")
        return lines
