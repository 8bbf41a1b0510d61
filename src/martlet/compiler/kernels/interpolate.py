"""Maps resized along one axis: each place a weighed sum of a few, along rows or columns."""

from collections.abc import Sequence
from math import prod

from martlet.compiler.codegen.c_text import function
from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import shape_text
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.taps import Taps
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.kernels.channelwise import Blockwise
from martlet.compiler.kernels.generic import Generic, Rows


def along_axis(
    writer: Writer, name: str, taps: Taps, value: float, sides: tuple[int, int, int]
) -> str:
    """The C function of y[o, p, i] = the sum of w[p, t] * x[o, at[p, t], i]; `sides` are x's.

    The last axis is walked by vectors where it is a whole number of them.
    """
    outer, side, inner = sides
    out, count = taps.places.shape
    at = writer.table(f"{name}_at", (taps.places * inner).reshape(-1).tolist())
    weights = writer.numbers(f"{name}_weights", taps.weights.reshape(-1).tolist())
    terms = [f"w[{t}] * {{x{t}}}" for t in range(count)]
    text = " + ".join(terms)
    if taps.outside.any() and value:
        given = [value if one else 0.0 for one in taps.outside.tolist()]
        more = writer.numbers(f"{name}_outside", given)
        text += f" + {more}[p]"
    loads = {f"x{t}": f"load(l + at[{t}] + i)" for t in range(count)}
    singles = {f"x{t}": f"l[at[{t}] + i]" for t in range(count)}
    lines = [
        f"for (long o = 0; o < {outer}; o++)",
        f"  for (long p = 0; p < {out}; p++) {{",
        f"    const float *l = x + o * {side * inner};",
        f"    float *t = y + (o * {out} + p) * {inner};",
        f"    const int32_t *at = {at} + p * {count};",
        f"    const float *w = {weights} + p * {count};",
        "    long i = 0;",
        f"    for (; i + V <= {inner}; i += V) store(t + i, {text.format(**loads)});",
        f"    for (; i < {inner}; i++) t[i] = {text.format(**singles)};",
        "  }",
    ]
    own = writer.name(f"{name}_along")
    writer.layers.append(function(f"static void {own}(const float *x, float *y)", lines))
    return own


class Interpolate(Blockwise):
    """Maps in blocks, along their rows (axis 0) or columns (axis 1)."""

    operator = "resizing"
    thread_rows: Sequence[str] = ()

    def __init__(self, name: str, x: Maps, y: Buffer, axis: int, taps: Taps, value: float) -> None:
        super().__init__(name, x, y)
        self.axis, self.taps, self.value = axis, taps, value
        self.macs = len(self.x.blocks()) * y.lanes * prod(y.spatial) * taps.places.shape[1]

    def summary(self) -> str:
        sides = f"{shape_text(self.x.spatial)} → {shape_text(self.y.spatial)}"
        return f"{self.taps.places.shape[1]} taps a place, {prod(self.x.axes)} maps, {sides}"

    def rows(self, schedule: Schedule) -> int:
        return len(self.x.blocks())

    def emit(self, writer: Writer) -> str:
        spatial = self.x.spatial
        sides = (
            prod(spatial[: self.axis]),
            spatial[self.axis],
            prod(spatial[self.axis + 1 :]) * self.y.lanes,
        )
        called = along_axis(writer, self.c_name, self.taps, self.value, sides)
        return self.each_block(writer, f"{called}({{x}}, {{y}})")


class InterpolateRows(Generic):
    """A tensor row by row, along any of its axes."""

    operator = "resizing"

    def __init__(self, name: str, x: Rows, y: Buffer, axis: int, taps: Taps, value: float) -> None:
        super().__init__(name, [x], y)
        self.x, self.axis, self.taps, self.value = x, axis, taps, value
        self.macs = prod(y.spatial) * taps.places.shape[1]

    def summary(self) -> str:
        sides = f"{shape_text(self.x.shape)} → {shape_text(self.y.spatial)}"
        return f"{self.taps.places.shape[1]} taps a place, {sides}"

    def emit(self, writer: Writer) -> str:
        shape, axis = self.x.shape, self.axis
        sides = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
        called = along_axis(writer, self.c_name, self.taps, self.value, sides)
        return self.function(writer, [f"{called}(&a[0], &y[0]);"])
