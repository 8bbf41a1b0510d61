"""Generic layers that make one value of many: reductions and products of matrices."""

from collections.abc import Sequence
from math import prod

from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import Shape, shape_text
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels.activations import add_functions
from martlet.compiler.kernels.generic import (
    Generic,
    Rows,
    axes_names,
    index,
    merge,
    nest,
    row_steps,
)

# kind -> (what a sum starts with, how value {x} joins it, what becomes of it); n is how many.
KINDS: dict[str, tuple[str, str, str]] = {
    "Sum": ("0", "s += {x};", "(float)s"),
    "Mean": ("0", "s += {x};", "(float)(s / {n})"),
    "SumSquare": ("0", "s += (double){x} * {x};", "(float)s"),
    "L1": ("0", "s += fabsf({x});", "(float)s"),
    "L2": ("0", "s += (double){x} * {x};", "(float)sqrt(s)"),
    "LogSum": ("0", "s += {x};", "(float)log(s)"),
    "SumExp": ("0", "s += one_exp({x});", "(float)s"),
    "Prod": ("1", "s *= {x};", "(float)s"),
    "Max": ("-INFINITY", "s = one_larger({x}, s);", "s"),
    "Min": ("INFINITY", "s = one_smaller({x}, s);", "s"),
}


class Reduce(Generic):
    """One value for all along some axes; sums are in double, since they are long."""

    def __init__(self, name: str, kind: str, x: Rows, axes: Sequence[int], y: Buffer) -> None:
        super().__init__(name, [x], y)
        self.kind, self.x = kind, x
        kept = [axis for axis in range(len(x.shape)) if axis not in axes]
        self.kept, self.gone = x.permuted(kept), x.permuted(sorted(axes))

    def summary(self) -> str:
        return f"{self.kind.lower()} of {shape_text(self.x.shape)} values to {prod(self.y.spatial)}"

    def emit(self, writer: Writer) -> str:
        start, join, end = KINDS[self.kind]
        add_functions(join, writer)
        outer, (read, write) = merge(self.kept.shape, [self.kept.steps, row_steps(self.kept.shape)])
        inner, (walk,) = merge(self.gone.shape, [self.gone.steps])
        names, walked = axes_names("i", len(outer)), axes_names("k", len(inner))
        base = [index(read, names), index(walk, walked)]
        value = f"a[{' + '.join(text for text in base if text != '0') or '0'}]"
        kind = "float" if self.kind in ("Max", "Min") else "double"
        body = [
            f"{kind} s = {start};",
            *nest(inner, walked, [join.format(x=value)]),
            f"y[{index(write, names)}] = {end.format(n=prod(self.gone.shape))};",
        ]
        return self.function(writer, nest(outer, names, body))


def sizes(a: Rows, b: Rows, batch: Shape) -> str:
    """What a product of matrices multiplies, for people."""
    (rows, inner), columns = a.shape[-2:], b.shape[-1]
    times = f"{prod(batch)} times " if prod(batch) > 1 else ""
    return f"{times}{rows}×{inner} by {inner}×{columns}"


class MatrixProduct(Generic):
    """y[…, i, j] = alpha · Σ a[…, i, k] · b[…, k, j], any steps."""

    def __init__(self, name: str, a: Rows, b: Rows, y: Buffer, batch: Shape) -> None:
        """`a` and `b` have the axes (*batch, i, k) and (*batch, k, j)."""
        super().__init__(name, [a, b], y)
        self.a, self.b, self.batch = a, b, batch
        self.macs = prod(batch) * a.shape[-2] * a.shape[-1] * b.shape[-1]

    def summary(self) -> str:
        return sizes(self.a, self.b, self.batch)

    def emit(self, writer: Writer) -> str:
        a, b = self.a, self.b
        rows, inner, columns = a.shape[-2], a.shape[-1], b.shape[-1]
        outer = (*self.batch, rows)
        own = (*row_steps((*self.batch, rows, columns))[:-1],)
        steps = [a.steps[:-1], (*b.steps[:-2], 0), own]
        sides, (left, right, write) = merge(outer, steps)
        names = axes_names("i", len(sides))
        from_a = _at(index(left, names), "k", a.steps[-1])
        from_b = _at(_at(index(right, names), "k", b.steps[-2]), "j", b.steps[-1])
        target = f"y[{_at(index(write, names), 'j', 1)}]"
        if b.steps[-1] == 1:  # rows of b are added, which needs no sum across a vector
            body = [
                *nest([columns], ["j"], [f"{target} = 0;"]),
                *nest([inner], ["k"], [
                    f"const float t = a[{from_a}];",
                    *nest([columns], ["j"], [f"{target} += t * b[{from_b}];"]),
                ]),
            ]  # fmt: skip
            lines = nest(sides, names, body)
        else:
            body = [
                "float s = 0;",
                *nest([inner], ["k"], [f"s += a[{from_a}] * b[{from_b}];"]),
                f"{target} = s;",
            ]
            lines = nest([*sides, columns], [*names, "j"], body)
        return self.function(writer, lines)


def _at(start: str, variable: str, step: int) -> str:
    more = index((step,), (variable,))
    return start if more == "0" else more if start == "0" else f"{start} + {more}"
