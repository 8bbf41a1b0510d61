"""The calls of a product's tiles: flat, by threads' places, or row by row."""

from itertools import pairwise
from math import prod

from martlet.compiler.codegen.c_text import braced
from martlet.compiler.codegen.reroll import rolled
from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import FLOAT32
from martlet.compiler.ir.schedule import CACHE_LINE_BYTES
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels import gemm_micro, gemm_tiling
from martlet.compiler.kernels.gemm_operands import Gemm

MOST_LINES = 2  # fetched for each channel: of more, some would have to wait for a free place


class Group:
    """The calls of the tiles of a few blocks."""

    def __init__(
        self,
        layer: Gemm,
        writer: Writer,
        start: int,
        size: int,
        first: int,
        *,
        at: str,
        add: str,
        gate: str = "",
    ) -> None:
        """From block `start` on; `first` is where their weights begin.

        C text: `at` and `gate`, where their channels and gates are listed; `add`, the layer's
        table of what is added.
        """
        self.layer, self.writer, self.size = layer, writer, size
        chosen = layer.blocks[start : start + size]
        schedule, y = writer.schedule, writer.schedule[layer.y]
        self.at, self.gate = at, gate
        self.count = len(chosen[0].inputs)
        self.weights = f"weights + {first}"  # floats
        self.target = f"{y.base} + {y.offset(start * layer.y.lanes)}"
        self.add = f"{add} + {start}" if add else ""
        self.start = start
        places = layer.columns(schedule)
        begin, end = schedule.prefetch.get(layer.name, (0, 0))
        blocks = len(layer.blocks) - (layer.tail > 0)
        block = -(-(end - begin) // (max(1, blocks) * places))  # bytes for one at a place
        self.begin, self.each = begin + start * places * block, size * block  # what it fetches
        streams = layer.streams(schedule)
        row = size * layer.y.lanes * FLOAT32.itemsize  # bytes of a channel's weights
        self.most = -(-row // CACHE_LINE_BYTES) if streams else 1  # cache lines at once

    def runs(self, places: int) -> tuple[tuple[int, int], ...]:
        """The tiles of so many places: (width, how many)."""
        return gemm_tiling.runs(places, self.size, self.layer.registers)[1]

    def call(self, kernel: str, place: str, more: str = "", row: str = "") -> str:
        """A tile of the maps from place `place` on, of row `row` where one is named."""
        x, add, y = self.layer.x.buffers[0], self.layer.add, self.layer.y
        schedule = self.writer.schedule
        width = self.layer.window.out[2]

        def here(buffer: Buffer) -> str:
            along = f"{place} * {buffer.lanes}"
            return f"{self.writer.row(buffer, row, width)} + {along}" if row else along

        moves = not row or self.layer.window.is_pointwise  # a window finds its rows by itself
        extra = ""
        if add is not None:
            extra += f", {schedule[add.buffers[0]].base} + {here(add.buffers[0])}, {self.add}"
        if self.layer.gate is not None:
            extra += f", work, {self.gate}"
        base = schedule[x].base
        source = f"{base} + {here(x)}" if moves else base
        target = f"{self.target} + {here(y)}"
        given = f"{source}, {self.at}, {self.count}, {self.weights}, {target}{extra}{more}"
        return f"{kernel}({given});"

    def flat(self, tile: int) -> list[str]:
        """Loops over the tiles from number `tile` on, those between `from` and `to`."""
        lines, place = [], 0
        for wide, times in self.runs(prod(self.layer.window.out)):
            kernel = self._kernel(wide)
            if times == 1:
                here = str(place)
                called = self.call(kernel, here, self.more(here, wide))
                lines.append(f"if (from <= {tile} && {tile} < to) {called}")
            else:
                end = tile + times
                at = f"({place} + (t - {tile}) * {wide})" if place or tile else f"(t * {wide})"
                lines.append(f"for (int t = MOST(from, {tile}); t < LEAST(to, {end}); t++)")
                lines.append(f"  {self.call(kernel, at, self.more(at, wide))}")
            place += wide * times
            tile += times
        return lines

    def of_map(self, bounds: list[int]) -> list[str]:
        """Loops over the tiles of the whole map, whose rows lie apart at these bounds."""
        width = self.layer.window.out[2]
        if len(bounds) == 2:
            return self.loops(bounds[1] * width)
        return [
            line
            for row, end in pairwise(bounds)
            for line in self.loops((end - row) * width, row=str(row), before=row * width)
        ]

    def loops(self, places: int, base: str = "", row: str = "", before: int = 0) -> list[str]:
        """Loops over the tiles of so many places, from place `base` or the begin of row `row` on.

        `before` are those whose weights have been fetched.
        """
        lines, place = [], 0
        for wide, times in self.runs(places):
            inside = f"({place} + t * {wide})" if times > 1 else f"{place}"
            at = f"({base} + {inside})" if base else inside
            done = f"({before} + {inside})" if before else inside
            called = self.call(self._kernel(wide), at, self.more(done, wide), row)
            lines += (
                [f"for (int t = 0; t < {times}; t++)", f"  {called}"] if times > 1 else [called]
            )
            place += wide * times
        return lines

    def fetches(self, begin: int, end: int) -> None:
        """Let it fetch these bytes of the weights, spread evenly over a map."""
        self.begin, self.each = begin, max(0, -(-(end - begin) // prod(self.layer.window.out)))
        self.most = MOST_LINES

    def _kernel(self, wide: int) -> str:
        lines = min(self.most, -(-self._step(wide) // CACHE_LINE_BYTES)) if self.each else 0
        return gemm_micro.pointwise(self.layer, self.writer, self.size, wide, lines)

    def _step(self, wide: int) -> int:
        """Bytes that a tile of so many places fetches for each channel."""
        return min(-(-self.each * wide // self.count), self.most * CACHE_LINE_BYTES)

    def more(self, place: str, wide: int) -> str:
        """More arguments of a tile: what it fetches of later weights, and how far for a channel."""
        if not self.each:
            return ""
        first = f"(uintptr_t)weights + {self.begin} + (uintptr_t){place} * {self.each}"
        return f", {first}, {self._step(wide)}"

    def in_rows(self) -> list[str]:
        """A loop over the rows from `from` to `to`."""
        layer, window = self.layer, self.layer.window
        lines = list[str]()
        for start, wide, times in self._tiles_of_a_row():
            if window.is_pointwise:
                kernel = self._kernel(wide)
            else:
                kernel = gemm_micro.windowed(layer, self.writer, self.size, start, wide)
            more = self.more("{p}", wide) if window.is_pointwise else ", row, {p}"
            text = self.call(kernel, "{p}", more, "row")
            if times == 1:
                lines.append(text.format(p=start))
            else:
                end = start + wide * times
                lines.append(f"for (int p = {start}; p < {end}; p += {wide})")
                lines.append(f"  {text.format(p='p')}")
        return braced("for (int row = from; row < to; row++)", lines)

    def _tiles_of_a_row(self) -> list[tuple[int, int, int]]:
        """(first column, width, how many alike)."""
        window, registers = self.layer.window, self.layer.registers
        if not window.is_pointwise:
            widest = max(1, (registers - self.size - 1) // self.size)
            return window.tiles(-(-window.out[2] // -(-window.out[2] // widest)))
        found, start = [], 0
        for wide, times in self.runs(window.out[2]):
            found.append((start, wide, times))
            start += wide * times
        return found


def shared(groups: list[Group], start: int, places: int, first: int, last: int) -> list[str]:
    """The parts from `first` to `last`, those between `from` and `to`."""
    inside = rolled([group.loops(places, "base") for group in groups], "group")
    base = f"const int base = {start} + (part - {first}) * {places};"
    loop = f"for (int part = MOST(from, {first}); part < LEAST(to, {last}); part++)"
    return braced(loop, [base, *inside])
