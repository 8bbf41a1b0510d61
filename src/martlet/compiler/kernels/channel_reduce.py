"""Reduction over the channel axis of each place, and one map that is given to all channels.

Networks with spatial attention (CBAM) use both.
"""

from collections import Counter
from math import prod

from martlet.compiler.codegen.writer import Kernel, Writer
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.kernels.channelwise import Pairing

KINDS = {  # start of a sum, how vectors join, how single values join
    "max": ("fill(-INFINITY)", "vmax({a}, {b})", "{a} > {b} ? {a} : {b}"),
    "min": ("fill(INFINITY)", "vmin({a}, {b})", "{a} < {b} ? {a} : {b}"),
    "sum": ("fill(0)", "{a} + {b}", "{a} + {b}"),
    "mean": ("fill(0)", "{a} + {b}", "{a} + {b}"),
}


class ChannelReduce(Kernel):
    """One map: at each place the maximum, minimum, sum or mean over all channels of a picture."""

    def __init__(self, name: str, x: Maps, y: Buffer, kind: str) -> None:
        self.name, self.x, self.y, self.kind = name, x, y, kind
        self.reads, self.writes = list(x.buffers), [y]

    def rows(self, schedule: Schedule) -> int:
        """Its pieces are places."""
        return self.x.places

    def summary(self) -> str:
        return f"{self.kind} over {prod(self.x.axes)} channels at {self.x.places} places"

    def _parts(self, schedule: Schedule) -> tuple[list[int], list[int]]:
        """Offsets of the blocks all of whose lanes are channels, and of the other channels."""
        lanes, members = self.x.lanes, self.x.channels()
        counts = Counter((buffer, slot // lanes) for buffer, slot, _ in members)
        whole = [(b, n * lanes) for b, n in self.x.blocks() if counts[b, n] == lanes]
        odd = [(b, slot) for b, slot, _ in members if counts[b, slot // lanes] != lanes]
        full, rest = ([schedule[b].offset(slot) for b, slot in part] for part in (whole, odd))
        return full, rest

    def emit(self, writer: Writer) -> str:
        name, (full, rest) = self.c_name, self._parts(writer.schedule)
        start, join, single = KINDS[self.kind]
        lines = ["for (int p = from; p < to; p++) {", f"  v a = {start};"]
        if full:
            at = writer.table(f"{name}_at", full)
            value = join.format(a="a", b=f"load(work + {at}[b] + p * V)")
            lines.append(f"  for (int b = 0; b < {len(full)}; b++) a = {value};")
        lines += [
            "  float s = LANE(a, 0);",
            f"  for (int i = 1; i < V; i++) s = {single.format(a='LANE(a, i)', b='s')};",
        ]
        if rest:
            table = writer.table(f"{name}_rest", rest)
            lines += [
                f"  for (int c = 0; c < {len(rest)}; c++) {{",
                f"    const float t = work[{table}[c] + p * V];",
                f"    s = {single.format(a='t', b='s')};",
                "  }",
            ]
        y = writer.schedule[self.y]
        scale = f" * (1.0f / {prod(self.x.axes)})" if self.kind == "mean" else ""
        lines += [f"  {y.base}[{y.start} + p] = s{scale};", "}"]
        return self.pieces(writer, lines)


class ByPlace(Pairing):
    """A tensor in blocks with one map that is the same for all its channels."""

    def summary(self) -> str:
        return f"{prod(self.x.axes)} maps {self.sign} one map of {self.x.places} places"

    def emit(self, writer: Writer) -> str:
        step = self.other.lanes
        schedule = writer.schedule
        source = f"{self.other.buffers[0].base} + {schedule.offsets(self.other)[0]}"
        if self.by_rows(schedule):
            source += f" + from * {self.x.spatial[-1] * step}"
        return self.joined(writer, f"_by_place{step}", f"fill(s[p * {step}])", source)
