"""Maps made larger or smaller, each place a copy of the nearest one."""

from collections.abc import Sequence
from math import prod

import numpy as np

from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import shape_text
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.kernels.channelwise import Placewise


class Nearest(Placewise):
    """y at (row, column) = x at (rows[row], columns[column]), of every channel."""

    operator = "resizing"
    own_rows: Sequence[str] = ()

    def __init__(
        self, name: str, x: Maps, y: Buffer, rows: Sequence[int], columns: Sequence[int]
    ) -> None:
        super().__init__(name, x, y)
        self.from_rows, self.from_columns = list(rows), list(columns)

    def summary(self) -> str:
        sides = f"{shape_text(self.x.spatial)} → {shape_text(self.y.spatial)}"
        return f"nearest of {prod(self.x.axes)} maps, {sides}"

    def rows(self, schedule: Schedule) -> int:
        """Its pieces are rows of the output where each thread has its own, else blocks."""
        return len(self.from_rows) if self.by_rows(schedule) else len(self.x.blocks())

    def emit(self, writer: Writer) -> str:
        by_rows = self.by_rows(writer.schedule)
        rows = "from, to" if by_rows else f"0, {len(self.from_rows)}"
        call = f"{self._kernel(writer)}({{x}}, {{y}}, {rows})"
        return self.each_block(writer, call, by_rows)

    def _kernel(self, writer: Writer) -> str:
        """The C function that makes some rows of one block."""
        width, out = self.x.spatial[-1], len(self.from_columns)
        listed = writer.table(f"{self.c_name}_rows", self.from_rows)
        source = writer.row(self.x.buffers[0], f"{listed}[row]", width)
        lines = [
            "for (int row = from; row < to; row++) {",
            f"  const float *l = x + {source};",
            f"  float *o = y + {writer.row(self.y, 'row', out)};",
            *(f"  {line}" for line in self._row(writer)),
            "}",
        ]
        name = writer.name(f"{self.c_name}_block")
        writer.function(f"static void {name}(const float *x, float *y, int from, int to)", lines)
        return name

    def _row(self, writer: Writer) -> list[str]:
        """One row; where each place is repeated equally often, it is loaded once."""
        out, width = len(self.from_columns), self.x.spatial[-1]
        times = out // width
        if self.from_columns == np.repeat(np.arange(width), times).tolist():
            return [
                f"for (int p = 0; p < {width}; p++) {{",
                "  const v one = load(l + p * V);",
                *(f"  store(o + (p * {times} + {t}) * V, one);" for t in range(times)),
                "}",
            ]
        listed = writer.table(f"{self.c_name}_columns", self.from_columns)
        return [f"for (int p = 0; p < {out}; p++) store(o + p * V, load(l + {listed}[p] * V));"]
