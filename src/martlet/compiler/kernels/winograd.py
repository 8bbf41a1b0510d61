"""3×3 convolutions by Winograd's minimal filtering: F(m × m, 3 × 3) of Lavin and Gray, 2016.

A tile of m × m outputs is a function of n × n inputs, n = m + 2. Both change their basis along rows
and columns, and the weights do beforehand; there the convolution is n² products of matrices, over
channels: 4 a place for m = 2 and 2.25 for m = 4, where it takes 9 by taps. Three layers: tiles of
the inputs in the new basis, the products (a pointwise convolution of n² groups), and the outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import shape_text
from martlet.compiler.ir.operators import Activation
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.ir.window import Window
from martlet.compiler.kernels import activations
from martlet.compiler.kernels.channelwise import Blockwise
from martlet.compiler.kernels.winograd_basis import Basis


@dataclass(frozen=True)
class Back(Window):
    """Rows of outputs, so many of which come of each row of tiles."""

    tile: int = 2

    def first_row(self, row: int) -> int:
        return row // self.tile

    def rows_for(self, rows: int) -> int:
        return -(-rows // self.tile)

    def made_with(self, rows: int) -> int:
        return min(self.rows, self.rows_for(rows) * self.tile)


class OfTiles(Blockwise):
    """Shared by both: their pieces are rows of tiles or outputs, and each needs all else whole."""

    operator = "convolution"
    thread_rows: Sequence[str] = ()
    keeps_lanes: Sequence[str] = ()

    def __init__(self, name: str, x: Maps, y: Buffer, window: Window, basis: Basis) -> None:
        super().__init__(name, x, y)
        self.basis, self.window = basis, window
        self.row_window = window

    def rows(self, schedule: Schedule) -> int:
        return self.window.rows

    def by_rows(self, schedule: Schedule) -> bool:
        return True


class InputTiles(OfTiles):
    """y [n²][blocks of x][tiles]: the tiles of x in the new basis.

    `window` has n × n taps and steps of m; its output's places are tiles.
    """

    def summary(self) -> str:
        tiles, tile = shape_text(self.y.spatial), self.basis.tile
        maps = f"{prod(self.x.axes)} maps {shape_text(self.x.spatial)}"
        return f"{tiles} tiles, of {tile}×{tile} outputs, of {maps}"

    def emit(self, writer: Writer) -> str:
        return self.each_block(writer, f"{self._kernel(writer)}({{x}}, {{y}}, from, to)", True)

    def _kernel(self, writer: Writer) -> str:
        """The C function of one block: rows of tiles, which share columns with their neighbours."""
        (_, height, width), tiles = self.window.size, self.window.out[2]
        (down, across), source, side = self.window.pad[1:], self.x.buffers[0], self.basis.side
        nothing = writer.kernel(
            f"nothing_{width}", f"static const float nothing_{width}[{width} * V] = {{0}};\n"
        )
        lines = [
            "for (int row = from; row < to; row++) {",
            f"  const int top = row * {self.basis.tile} - {down};",
            f"  float *o = y + {writer.row(self.y, 'row', tiles)};",
        ]
        for i in range(side):
            at = writer.row(source, f"(top + {i})", width)
            inside = f"(unsigned)(top + {i}) < {height}u"
            lines.append(f"  const float *l{i} = {inside} ? x + {at} : {nothing};")
        lines.append(f"  v {', '.join(f'c{i}_{j}' for i in range(side) for j in range(side))};")
        lines += [f"  {text}" for j in range(2) for text in self._column(j, j - across)]
        lines += [f"  {text}" for text in self._row(writer, tiles, across)]
        name = writer.name(f"{self.c_name}_block")
        head = f"static void {name}(const float *x, float *y, int from, int to)"
        writer.function(head, [*lines, "}"])
        return name

    def _row(self, writer: Writer, tiles: int, across: int) -> list[str]:
        """A row of tiles: those whose columns are all in the maps by a loop, then the others."""
        tile, side, width = self.basis.tile, self.basis.side, self.window.size[2]
        whole = max(0, min(tiles, (width - side + across) // tile + 1))
        lines = list[str]()
        if whole:
            places = (f"(t * {tile} + {j - across})" for j in range(2, side))
            body = [text for j, at in enumerate(places, 2) for text in self._column(j, at)]
            lines.append(f"for (int t = 0; t < {whole}; t++) {{")
            lines += [*(f"  {text}" for text in (*body, *self._stores(writer, "t"))), "}"]
        for t in range(whole, tiles):
            for j in range(2, side):
                lines += self._column(j, t * tile - across + j)
            lines += self._stores(writer, str(t))
        return lines

    def _column(self, j: int, at: int | str) -> list[str]:
        """C text: column `at` of the maps, or nothing outside, in the new basis as column j."""
        side = self.basis.side
        if isinstance(at, int) and not 0 <= at < self.window.size[2]:
            return [" ".join(f"c{i}_{j} = fill(0);" for i in range(side))]
        loads = ", ".join(f"e{i} = load(l{i} + {at} * V)" for i in range(side))
        shared, values = self.basis.of_inputs([f"e{i}" for i in range(side)])
        sets = " ".join(f"c{i}_{j} = {value};" for i, value in enumerate(values))
        return [f"{{ const v {loads};", f"  {' '.join(shared)}", f"  {sets} }}"]

    def _stores(self, writer: Writer, tile: str) -> list[str]:
        """Into the new basis along rows, too; the last two columns are the next tile's first."""
        step = writer.schedule[self.y].places * len(self.x.blocks())
        side, lines = self.basis.side, list[str]()
        for i in range(side):
            shared, values = self.basis.of_inputs([f"c{i}_{j}" for j in range(side)])
            lines += [f"{{ {' '.join(shared)}"]
            for j, value in enumerate(values):
                lines.append(f"  store(o + ({(i * side + j) * step} + {tile}) * V, {value});")
            lines[-1] += " }"
        moves = (f"c{i}_{j} = c{i}_{j + side - 2};" for j in range(2) for i in range(side))
        return [*lines, " ".join(moves)]


class OutputsOfTiles(OfTiles):
    """y: the maps that x, [n²][blocks of y][tiles], is in the new basis; and the epilogue."""

    def __init__(
        self,
        name: str,
        x: Maps,
        y: Buffer,
        window: Back,
        bias: NDArray[np.float32],
        basis: Basis,
        *,
        act: Activation | None,
        add: Maps | None,
        act_after: Activation | None,
    ) -> None:
        """`bias` has a number for each lane of y's blocks."""
        super().__init__(name, x, y, window, basis)
        self.bias = bias
        self.act, self.add, self.act_after = act, add, act_after
        self.own_rows = ("add",)
        self.reads = [*x.buffers, *(add.buffers if add is not None else ())]
        words = (act and act.kind, add and "sum", act_after and act_after.kind)
        self.fused = [word for word in words if word]

    def packed_weights(self, schedule: Schedule) -> list[NDArray[np.float32]]:
        return [self.bias]

    def summary(self) -> str:
        return self.with_fused(f"{shape_text(self.y.spatial)} maps of their tiles")

    def emit(self, writer: Writer) -> str:
        schedule, (weights,) = writer.schedule, writer.schedule.packed[self.name].starts()
        x, y = schedule[self.x.buffers[0]], schedule[self.y]
        given = [
            f"{x.base} + {x.start} + (long)b * {x.places * self.y.lanes}",
            f"weights + {weights} + b * V",
        ]
        if self.add is not None:
            table = writer.table(f"{self.c_name}_add", schedule.block_offsets(self.add))
            given.append(f"{schedule[self.add.buffers[0]].base} + {table}[b]")
        target = f"{y.base} + {y.start} + (long)b * {y.places * self.y.lanes}"
        call = f"{self._kernel(writer)}({', '.join([*given, target])}, from, to);"
        return self.pieces(writer, [f"for (int b = 0; b < {self.y.blocks}; b++)", f"  {call}"])

    def _kernel(self, writer: Writer) -> str:
        """The C function of one block: rows of outputs, those of a row of tiles at once."""
        tiles, width, tile = self.x.spatial[-1], self.y.spatial[-1], self.basis.tile
        rows = [f"(top + {k})" for k in range(tile)]
        lines = [
            "const v bias = load(w);",
            "for (int row = from; row < to;) {",
            f"  const int tiles = row / {tile}, top = tiles * {tile};",
            f"  const int first = row - top, last = to - top < {tile} ? to - top : {tile};",
            f"  const float *l = x + {writer.row(self.x.buffers[0], 'tiles', tiles)};",
        ]
        for k, row in enumerate(rows):
            lines.append(f"  float *o{k} = y + {writer.row(self.y, row, width)};")
            if self.add is not None:
                at = writer.row(self.add.buffers[0], row, width)
                lines.append(f"  const float *p{k} = s + {at};")
        whole, rest = divmod(width, tile)
        lines += [f"  for (int t = 0; t < {whole}; t++) {{"]
        lines += [*(f"    {text}" for text in self._tile(writer, "t", tile)), "  }"]
        if rest:
            body = self._tile(writer, str(whole), rest)
            lines += ["  {", *(f"    {text}" for text in body), "  }"]
        many = self._of_many(writer)
        for k in range(tile if many else 0):
            lines.append(f"  if (first <= {k} && {k} < last) {many}(o{k}, {width});")
        more = "const float *s, " if self.add is not None else ""
        head = f"const float *x, const float *w, {more}float *y, int from, int to"
        name = writer.name(f"{self.c_name}_block")
        lines += ["  row = top + last;", "}"]
        writer.function(f"static void {name}({head})", lines)
        return name

    def _tile(self, writer: Writer, tile: str, count: int) -> list[str]:
        """A tile's outputs of the rows from `first` to `last`, the first `count` of each."""
        side, step = self.basis.side, writer.schedule[self.x.buffers[0]].places * self.y.blocks
        lines = list[str]()
        for j in range(side if count == self.basis.tile else side - 1):  # the last output's alone
            names = [f"e{i}" for i in range(side)]
            loads = [
                f"{name} = load(l + ({(i * side + j) * step} + {tile}) * V)"
                for i, name in enumerate(names)
            ]
            shared, values = self.basis.of_products(names, self.basis.tile)
            lines.append(f"v {', '.join(f's{k}_{j}' for k in range(self.basis.tile))};")
            lines += [f"{{ const v {', '.join(loads)};", f"  {' '.join(shared)}"]
            sets = (f"s{k}_{j} = {value};" for k, value in enumerate(values))
            lines.append(f"  {' '.join(sets)} }}")
        for k in range(self.basis.tile):
            shared, values = self.basis.of_products([f"s{k}_{j}" for j in range(side)], count)
            lines += [f"if (first <= {k} && {k} < last) {{", f"  {' '.join(shared)}"]
            for column, value in enumerate(values):
                place = f"({tile} * {self.basis.tile} + {column}) * V"
                value = self._finished(writer, f"{value} + bias", f"p{k} + {place}")
                lines.append(f"  store(o{k} + {place}, {value});")
            lines.append("}")
        return lines

    def _of_many(self, writer: Writer) -> str:
        """What whole rows go through in the end, if anything."""
        last = self.act if self.add is None else self.act_after
        return activations.of_many(last, writer)

    def _finished(self, writer: Writer, value: str, added: str) -> str:
        """C text: an output with the epilogue; `added` is where the other tensor's value is."""
        acts, many = [self.act], self._of_many(writer)
        acts += [] if self.add is None else [self.act_after]
        names = [activations.function(act, writer) for act in acts[: -1 if many else None]]
        for number, name in enumerate([*names, ""][: len(acts)]):
            value = f"{value} + load({added})" if number else value
            value = f"{name}({value})" if name else value
        return value
