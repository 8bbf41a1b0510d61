"""Generic layers that read where another tensor says at run time; no place is read outside."""

from collections.abc import Sequence
from math import prod

from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import shape_text
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels.generic import Generic, Rows, axes_names, index, nest, row_steps

PLACE = """\
static long one_place(float at, long side) {
  const float end = (float)(side - 1), from = at < 0 ? at + (float)side : at;
  return from >= 0 ? from <= end ? (long)from : side - 1 : 0;
}
"""


class Gathering(Generic):
    """Shared by all: `at` says where in `x`, along `axis` or behind so many axes in front."""

    operator = "copy"

    def __init__(self, name: str, x: Rows, at: Rows, axis: int, y: Buffer) -> None:
        super().__init__(name, [x, at], y)
        self.x, self.at, self.axis = x, at, axis
        self.moved = 2 * y.dtype.itemsize * prod(y.spatial)

    def function(self, writer: Writer, lines: Sequence[str]) -> str:
        writer.kernel("one_place", PLACE)
        return super().function(writer, lines)


class GatherRows(Gathering):
    """y[o, j, i] = x[o, at[j], i]; a place is counted from the end where it is negative."""

    def summary(self) -> str:
        return f"{prod(self.at.shape)} places along axis {self.axis} of {shape_text(self.x.shape)}"

    def emit(self, writer: Writer) -> str:
        shape, axis = self.x.shape, self.axis
        outer, side, inner = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
        count = prod(self.at.shape)
        return self.function(writer, [
            f"for (long o = 0; o < {outer}; o++)",
            f"  for (long j = 0; j < {count}; j++) {{",
            f"    const float *l = a + (o * {side} + one_place(b[j], {side})) * {inner};",
            f"    float *t = y + (o * {count} + j) * {inner};",
            f"    for (long i = 0; i < {inner}; i++) t[i] = l[i];",
            "  }",
        ])  # fmt: skip


class GatherElements(Gathering):
    """y at each place: the value of `x` there, but along `axis` at the place that `at` names."""

    def summary(self) -> str:
        return f"{shape_text(self.at.shape)} values along axis {self.axis}"

    def emit(self, writer: Writer) -> str:
        shape, axis = self.at.shape, self.axis
        names = axes_names("i", len(shape))
        steps = tuple(0 if one == axis else step for one, step in enumerate(self.x.steps))
        place = f"b[{index(row_steps(shape), names)}]"
        read = f"one_place({place}, {self.x.shape[axis]}) * {self.x.steps[axis]}"
        rest = index(steps, names)
        value = f"a[{read}]" if rest == "0" else f"a[{read} + {rest}]"
        target = f"y[{index(row_steps(shape), names)}]"
        return self.function(writer, nest(shape, names, [f"{target} = {value};"]))


class GatherSlices(Gathering):
    """y[n, j] = x[n, at[n, j, 0], at[n, j, 1], …]: `at` names whole slices by their first axes."""

    def summary(self) -> str:
        return f"{prod(self.at.shape[:-1])} slices of {shape_text(self.x.shape)}"

    def emit(self, writer: Writer) -> str:
        shape, batch, named = self.x.shape, self.axis, self.at.shape[-1]
        outer, whole = prod(shape[:batch]), prod(shape[batch:])
        count, inner = prod(self.at.shape[batch:-1]), prod(shape[batch + named :])
        steps = row_steps(shape)[batch : batch + named]
        terms = " + ".join(
            f"one_place(p[{k}], {shape[batch + k]}) * {step}" for k, step in enumerate(steps)
        )
        return self.function(writer, [
            f"for (long n = 0; n < {outer}; n++)",
            f"  for (long j = 0; j < {count}; j++) {{",
            f"    const float *p = b + (n * {count} + j) * {named};",
            f"    const float *l = a + n * {whole} + {terms};",
            f"    float *t = y + (n * {count} + j) * {inner};",
            f"    for (long i = 0; i < {inner}; i++) t[i] = l[i];",
            "  }",
        ])  # fmt: skip
