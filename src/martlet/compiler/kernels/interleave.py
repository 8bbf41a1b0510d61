"""Maps laid into one another: each part's places are every so-many-th of the output's."""

from collections.abc import Iterator, Sequence
from math import prod

from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import shape_text
from martlet.compiler.ir.program import TENSORS
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.kernels.channelwise import Placewise


class Interleave(Placewise):
    """y at (s · row + a, t · column + b) = part (a, b) at (row, column), of every channel.

    The channels of all parts lie in the same lanes.
    """

    operator = "copy"
    own_rows: Sequence[str] = ()

    def __init__(self, name: str, parts: Sequence[Maps], y: Buffer, strides: Sequence[int]) -> None:
        super().__init__(name, parts[0], y)
        self.parts, self.strides = list(parts), (*[1] * (2 - len(strides)), *strides)
        self.reads = list(dict.fromkeys(b for part in parts for b in part.buffers))
        self.moved = sum(2 * part.dtype.itemsize * prod(part.shape) for part in parts)

    def tensors(self, names: Sequence[str] = TENSORS) -> list[Maps]:
        """Its parts are all read alike."""
        return list(self.parts) if "x" in names else []

    def other_buffers(self, names: Sequence[str]) -> Iterator[Buffer]:
        """Rows of a part are every so-many-th of its own: it needs all of them whole."""
        return iter(self.reads)

    def summary(self) -> str:
        shapes = ", ".join(shape_text(part.spatial) for part in self.parts)
        return f"{prod(self.x.axes)} maps of {shapes} laid into {shape_text(self.y.spatial)}"

    def rows(self, schedule: Schedule) -> int:
        """Its pieces are rows of the output where each thread has its own, else blocks."""
        return prod(self.y.spatial[:-1]) if self.by_rows(schedule) else len(self.x.blocks())

    def by_rows(self, schedule: Schedule) -> bool:
        return any(schedule[buffer].parts > 1 for buffer in (*self.reads, self.y))

    def emit(self, writer: Writer) -> str:
        kernel, more = self._kernel(writer), []
        for number, part in enumerate(self.parts[1:], start=1):
            offsets = writer.schedule.block_offsets(part)
            table = writer.table(f"{self.c_name}_part{number}", offsets)
            more.append(f"{writer.schedule[part.buffers[0]].base} + {table}[b]")
        by_rows = self.by_rows(writer.schedule)
        rows = "from, to" if by_rows else f"0, {prod(self.y.spatial[:-1])}"
        call = f"{kernel}({', '.join(['{x}', *more, '{y}', rows])})"
        return self.each_block(writer, call, by_rows)

    def _kernel(self, writer: Writer) -> str:
        """The C function that makes some rows of one block."""
        down, across = self.strides
        width = self.y.spatial[-1]
        sources = [f"x{number}" for number in range(len(self.parts))]
        lines = [
            "for (int row = from; row < to; row++) {",
            f"  float *o = y + {writer.row(self.y, 'row', width)};",
        ]
        for first in range(down):
            own = slice(first * across, (first + 1) * across)
            lines += [
                f"  if (row % {down} == {first}) {{" if down > 1 else "  {",
                *(f"    {line}" for line in self._row(writer, own, sources[own])),
                "  }",
            ]
        lines.append("}")
        name = writer.name(f"{self.c_name}_block")
        given = ", ".join(f"const float *{source}" for source in sources)
        writer.function(f"static void {name}({given}, float *y, int from, int to)", lines)
        return name

    def _row(self, writer: Writer, own: slice, sources: Sequence[str]) -> list[str]:
        """One row of the output, of the parts whose rows lie there."""
        down, across = self.strides
        lines, widths = list[str](), list[int]()
        for number, (part, source) in enumerate(zip(self.parts[own], sources, strict=True)):
            widths.append(part.spatial[-1])
            at = writer.row(part.buffers[0], f"row / {down}", widths[-1])
            lines.append(f"const float *l{number} = {source} + {at};")
        together = min(widths)
        lines += [f"for (int p = 0; p < {together}; p++) {{"]
        for number in range(across):
            lines.append(f"  store(o + (p * {across} + {number}) * V, load(l{number} + p * V));")
        lines.append("}")
        for number, width in enumerate(widths):  # the last place, which some have alone
            if width > together:
                last = together * across + number
                lines.append(f"store(o + {last} * V, load(l{number} + {together} * V));")
        return lines
