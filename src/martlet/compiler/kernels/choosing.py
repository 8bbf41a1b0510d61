"""Generic layers that find the largest or smallest values along an axis, and where they lie."""

from math import prod

from martlet.compiler.codegen.c_text import braced
from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import shape_text
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels.generic import Generic, Rows

TILE = 64  # places that are compared side by side


def _sides(x: Rows, axis: int) -> tuple[int, int, int]:
    """Values in front of an axis, along it, and behind it, of a tensor that lies row by row."""
    return prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])


class PlaceOfExtreme(Generic):
    """y: the place along `axis` of the largest value of `x`, or of the smallest.

    Of equal ones it is the first, or the last where `compare` holds for equal values.
    """

    operator = "arg max"

    def __init__(self, name: str, x: Rows, axis: int, compare: str, y: Buffer) -> None:
        super().__init__(name, [x], y)
        self.x, self.axis, self.compare = x, axis, compare

    def summary(self) -> str:
        return f"places along axis {self.axis} of {shape_text(self.x.shape)} values"

    def emit(self, writer: Writer) -> str:
        outer, side, inner = _sides(self.x, self.axis)
        compared = [
            f"const int is = l[k * {inner} + j] {self.compare} best[j];",
            "at[j] = is ? (float)k : at[j];",
            f"best[j] = is ? l[k * {inner} + j] : best[j];",
        ]
        wide = min(TILE, inner)
        count, sized = f"{wide}", list[str]()
        if inner % wide:
            count, sized = "m", [f"const long m = {inner} - i < {wide} ? {inner} - i : {wide};"]
        tile = [
            *sized,
            f"const float *l = a + o * {side * inner} + i;",
            f"float best[{wide}], at[{wide}];",
            f"for (long j = 0; j < {count}; j++) best[j] = l[j], at[j] = 0;",
            f"for (long k = 1; k < {side}; k++)",
            *(f"  {line}" for line in braced(f"for (long j = 0; j < {count}; j++)", compared)),
            f"for (long j = 0; j < {count}; j++) y[o * {inner} + i + j] = at[j];",
        ]  # fmt: skip
        loop = braced(f"for (long i = 0; i < {inner}; i += {wide})", tile)
        return self.function(
            writer, [f"for (long o = 0; o < {outer}; o++)", *(f"  {line}" for line in loop)]
        )


class TopK(Generic):
    """The `count` largest values of `x` along `axis`, or the smallest, the best in front.

    y: first all values, then all places. Of equal values the first one comes first.
    """

    operator = "top k"

    def __init__(self, name: str, x: Rows, axis: int, count: int, compare: str, y: Buffer) -> None:
        super().__init__(name, [x], y)
        self.x, self.axis, self.count, self.compare = x, axis, count, compare

    def summary(self) -> str:
        return f"{self.count} along axis {self.axis} of {shape_text(self.x.shape)} values"

    def emit(self, writer: Writer) -> str:
        outer, side, inner = _sides(self.x, self.axis)
        count, step = self.count, "" if inner == 1 else f" * {inner}"
        before = f"best[(p - 1){step}]"
        chosen = [
            f"const float v = l[k{step}];",
            "int p = n;",
            f"while (p > 0 && v {self.compare} {before}) p--;",
            f"if (p == {count}) continue;",
            f"if (n < {count}) n++;",
            *braced("for (int q = n - 1; q > p; q--)", [
                f"best[q{step}] = best[(q - 1){step}];", f"at[q{step}] = at[(q - 1){step}];",
            ]),
            f"best[p{step}] = v;",
            f"at[p{step}] = (float)k;",
        ]  # fmt: skip
        row = [
            f"const float *l = a + o * {side * inner} + i;",
            f"float *best = y + o * {count * inner} + i, *at = best + {outer * count * inner};",
            "int n = 0;",
            *braced(f"for (int k = 0; k < {side}; k++)", chosen),
        ]
        loop = braced(f"for (long i = 0; i < {inner}; i++)", row)
        return self.function(
            writer, [f"for (long o = 0; o < {outer}; o++)", *(f"  {line}" for line in loop)]
        )
