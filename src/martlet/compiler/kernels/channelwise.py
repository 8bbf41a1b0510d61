"""Channelwise layers: no channel looks at another, each lane of a block works for itself.

Output blocks lie as the input blocks do, so that channels keep their slots, in whatever order.
"""

from collections.abc import Sequence
from math import prod

from martlet.compiler.codegen.c_text import function
from martlet.compiler.codegen.writer import Kernel, Writer
from martlet.compiler.ir.operators import Activation
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.kernels import activations

WORDS = {"*": "product", "+": "sum", "-": "difference", "/": "quotient"}


class Blockwise(Kernel):
    """Shared by all: one C function makes one block; a table says where the input blocks lie."""

    thread_rows: Sequence[str] = ("x", "y")
    keeps_lanes: Sequence[str] = ("x",)

    def __init__(self, name: str, x: Maps, y: Buffer) -> None:
        self.name, self.x, self.y = name, x, y
        self.reads, self.writes = list(x.buffers), [y]

    def rows(self, schedule: Schedule) -> int:
        """Its pieces are blocks."""
        return len(self.x.blocks())

    def each_block(self, writer: Writer, call: str, by_row: bool = False) -> str:
        """The layer's function: `call` for every block, with {x} and {y} filled in.

        `by_row`: all blocks of the rows from `from` to `to`; else the blocks of that range.
        """
        name, blocks, schedule = self.c_name, self.x.blocks(), writer.schedule
        at = writer.table(f"{name}_at", schedule.block_offsets(self.x))
        y, source = schedule[self.y], schedule[self.x.buffers[0]].base
        step = y.places * self.y.lanes
        target = f"{y.base} + {y.start} + (long)b * {step}"
        text = call.format(x=f"{source} + {at}[b]", y=target)
        bounds = ("0", str(len(blocks))) if by_row else ("from", "to")
        if self.name in schedule.slices:
            slices = writer.table(f"{name}_slices", schedule.slices[self.name])
            bounds = (f"{slices}[slice]", f"{slices}[slice + 1]")
        loop = f"for (int b = {bounds[0]}; b < {bounds[1]}; b++)"
        return self.pieces(writer, [*self.before(writer, at), loop, f"  {text};"])

    def before(self, writer: Writer, at: str) -> list[str]:
        """Lines in front of the loop over the blocks, whose table is called `at`."""
        return []


class Mean(Blockwise):
    """The mean of each map."""

    operator = "pooling"

    def summary(self) -> str:
        return f"mean of {prod(self.x.axes)} maps of {self.x.places} places"

    def emit(self, writer: Writer) -> str:
        return self.each_block(writer, f"{self.kernel(writer)}({{x}}, {{y}})")

    def kernel(self, writer: Writer) -> str:
        """The C function of one block."""
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
        name = f"mean_{rows}x{width}" + ("_apart" if writer.schedule[source].parts > 1 else "")
        head = f"static void {name}(const float *x, float *y)"
        return writer.kernel(name, function(head, lines))


class Placewise(Blockwise):
    """Shared by layers in which each place of a map is worked on for itself."""

    operator = "element-wise"
    own_rows: Sequence[str] = ("x",)

    def rows(self, schedule: Schedule) -> int:
        """Its pieces are rows where each thread has its own, else blocks."""
        return prod(self.x.spatial[:-1]) if self.by_rows(schedule) else super().rows(schedule)

    def by_rows(self, schedule: Schedule) -> bool:
        return any(schedule[buffer].parts > 1 for buffer in (*self.x.buffers, self.y))

    def each_place(self, writer: Writer, name: str, value: str, other: str = "") -> str:
        """The layer's function: `value` at place p of x, and of s, which is where `other` says.

        Of a piece, p counts from its own first place.
        """
        width, shifts, count = self.x.spatial[-1] if self.x.spatial else 1, ["", ""], "places"
        by_rows = self.by_rows(writer.schedule)
        if by_rows:
            ends = self.x.buffers[0], self.y
            shifts = [f" + {writer.row(buffer, 'from', width)}" for buffer in ends]
        else:
            name, count = f"{name}_{self.x.places}", str(self.x.places)
        second = "const float *s, " if other else ""
        given = ", int places" if by_rows else ""
        kernel = writer.kernel(
            name,
            f"static void {name}(const float *x, {second}float *y{given}) {{\n"
            f"  for (int p = 0; p < {count}; p++) store(y + p * V, {value});\n}}\n",
        )
        second = f", {other}" if other else ""
        more = f", (to - from) * {width}" if by_rows else ""
        call = f"{kernel}({{x}}{shifts[0]}{second}, {{y}}{shifts[1]}{more})"
        return self.each_block(writer, call, by_rows)


class Activate(Placewise):
    """An activation by itself."""

    in_place_with = ("x",)

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

    in_place_with: Sequence[str] = ("x",)

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

    def __init__(
        self, name: str, x: Maps, other: Maps, y: Buffer, sign: str, act: Activation | None
    ) -> None:
        super().__init__(name, x, other, y, sign, act)
        self.thread_rows, self.keeps_lanes = ("x", "other", "y"), ("x", "other")
        if other.places == x.places:
            self.own_rows = self.in_place_with = ("x", "other")

    def summary(self) -> str:
        return f"{self.x.shape} {self.sign} {self.other.shape}"

    def emit(self, writer: Writer) -> str:
        table = writer.table(f"{self.c_name}_other", writer.schedule.block_offsets(self.other))
        other = f"work + {table}[b]"
        if self.other.places != self.x.places:
            return self.joined(writer, "_by_channel", "load(s)", other)
        if self.by_rows(writer.schedule):
            other += f" + {writer.row(self.other.buffers[0], 'from', self.x.spatial[-1])}"
        return self.joined(writer, "", "load(s + p * V)", other)
