"""Products of matrices that lie row by row, in tiles of a few rows by a few vectors of columns.

The sums of a tile stay in registers while the inner axis is walked; the second matrix is read by
vectors, the first value by value. Where the columns are no whole number of tiles, the last one
begins further in front, and makes some of them again.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.codegen.c_text import function
from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import Shape
from martlet.compiler.ir.operators import Activation
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels import activations
from martlet.compiler.kernels.generic import (
    Generic,
    Rows,
    axes_names,
    index,
    merge,
    nest,
    row_steps,
)
from martlet.compiler.kernels.generic_reduce import sizes

MOST_ROWS = 6  # of a tile


class RowProduct(Generic):
    """y[…, i, j] = act(Σ a[…, i, k] · b[…, k, j] + bias[j]), with b's columns side by side."""

    operator = "matrix product"

    def __init__(
        self,
        name: str,
        a: Rows,
        b: Rows,
        y: Buffer,
        batch: Shape,
        *,
        lanes: int,
        registers: int,
        bias: Rows | None = None,
        act: Activation | None = None,
    ) -> None:
        """`a` and `b` have the axes (*batch, i, k) and (*batch, k, j); j is at least `lanes`."""
        super().__init__(name, [a, b, *([bias] if bias is not None else [])], y)
        self.a, self.b, self.bias, self.act, self.batch = a, b, bias, act, batch
        self.lanes, self.registers = lanes, registers
        self.macs = prod(batch) * a.shape[-2] * a.shape[-1] * b.shape[-1]
        self.fused = [word for word in (bias and "bias", act and act.kind) if word]

    @property
    def packs(self) -> bool:
        """Whether the second matrix is constant: it lies as it is read then."""
        return not isinstance(self.b.source, Buffer)

    def packed_weights(self, schedule: Schedule) -> list[NDArray[np.float32]]:
        """A constant second matrix group by group of columns, each row by row."""
        found = super().packed_weights(schedule)
        if self.packs:
            flat = np.asarray(self.b.source, np.float32).reshape(-1)
            (rows, columns), (down, along) = self.b.shape[-2:], self.b.steps[-2:]
            places = np.arange(rows)[:, None] * down + np.arange(columns) * along
            matrix = flat[self.b.start + places]
            place = 0 if isinstance(self.a.source, Buffer) else 1
            groups = [matrix[:, at : at + n * self.lanes] for at, n in self.columns()]
            found[place] = np.concatenate([group.reshape(-1) for group in groups])
        return found

    def summary(self) -> str:
        return self.with_fused(sizes(self.a, self.b, self.batch))

    def columns(self) -> list[tuple[int, int]]:
        """The first column of each group of tiles, and how many vectors it has."""
        count, lanes = self.b.shape[-1], self.lanes
        most = 4 if self.registers >= 32 else 2 if self.registers >= 16 else 1
        found, at = [], 0
        while at < count:
            size = max(1, min(most, -(-(count - at) // lanes), count // lanes))
            start = min(at, count - size * lanes)
            found.append((start, size))
            at = start + size * lanes
        return found

    def emit(self, writer: Writer) -> str:
        sides, (left, right, write) = merge(
            self.batch, [self.a.steps[:-2], self.b.steps[:-2], self._own_steps()]
        )
        names = axes_names("i", len(sides))
        lines, packed = list[str](), 0
        for start, size in self.columns():
            at = packed if self.packs else start
            lines += self._rows(writer, size, start, at, [left, right, write], names)
            packed += self.a.shape[-1] * size * self.lanes
        return self.function(writer, nest(sides, names, lines))

    def _own_steps(self) -> tuple[int, ...]:
        rows, columns = self.a.shape[-2], self.b.shape[-1]
        return row_steps((*self.batch, rows, columns))[:-2]

    def _rows(
        self,
        writer: Writer,
        size: int,
        start: int,
        at: int,
        steps: Sequence[tuple[int, ...]],
        names: Sequence[str],
    ) -> list[str]:
        """Loops over the tiles of one group of columns."""
        rows, columns = self.a.shape[-2], self.b.shape[-1]
        left, right, write = (index(own, names) for own in steps)
        times, rest = divmod(rows, MOST_ROWS)
        lines = []
        for first, count, wide in ((0, times, MOST_ROWS), (times * MOST_ROWS, min(1, rest), rest)):
            if not count:
                continue
            row = f"({first} + t * {wide})" if count > 1 else str(first)
            bias = f", &c[{start}]" if self.bias is not None else ""
            call = (
                f"{self._tile(writer, wide, size)}(&a[{left} + {row} * {self.a.steps[-2]}], "
                f"&b[{right} + {at}]{bias}, &y[{write} + {row} * {columns} + {start}]);"
            )
            lines += nest([count], ["t"], [call]) if count > 1 else [call]
        return lines

    def _tile(self, writer: Writer, rows: int, size: int) -> str:
        """The C function of a tile of so many rows and vectors of columns."""
        inner, columns = self.a.shape[-1], self.b.shape[-1]
        down, along = self.a.steps[-2:]
        width = size * self.lanes if self.packs else self.b.steps[-2]
        act = activations.function(self.act, writer)
        sums = [[f"s{row}_{n}" for n in range(size)] for row in range(rows)]
        biased = self.bias is not None
        zero = [f"load(c + {n} * V)" if biased else "fill(0)" for n in range(size)]
        lines = [f"v {', '.join(f'{s} = {zero[n]}' for n, s in enumerate(own))};" for own in sums]
        lines += [
            f"for (long k = 0; k < {inner}; k++) {{",
            f"  const float *q = b + k * {width};",
            f"  const v {', '.join(f'q{n} = load(q + {n} * V)' for n in range(size))};",
        ]
        for row, own in enumerate(sums):
            value = f"fill(a[{row * down} + k * {along}])"
            products = " ".join(f"{s} += p * q{n};" for n, s in enumerate(own))
            lines.append(f"  {{ const v p = {value}; {products} }}")
        lines.append("}")
        for row, own in enumerate(sums):
            for n, s in enumerate(own):
                value = f"{act}({s})" if act else s
                lines.append(f"store(y + {row * columns} + {n} * V, {value});")
        name = f"rows_{rows}x{size}_of_{inner}_{down}_{along}_{width}_to{columns}"
        name += ("_bias" if biased else "") + (f"_{act}" if act else "")
        given = "const float *c, " if biased else ""
        head = f"static void {name}(const float *a, const float *b, {given}float *y)"
        writer.tile(self.name, f"{rows}×{size}")
        return writer.kernel(name, function(head, lines))
