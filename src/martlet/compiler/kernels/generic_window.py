"""Generic layers with a window: convolutions of any batch, transposed ones, and pools."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import Node, Shape
from martlet.compiler.ir.program import c_name
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.ir.window import steps_of
from martlet.compiler.kernels.generic import (
    LETTERS,
    Generic,
    Rows,
    axes_names,
    index,
    nest,
    row_steps,
)


@dataclass(frozen=True)
class Sliding:
    """A window along each axis of a map; `before` and `behind` is what the map is padded with."""

    size: Shape  # of the input map
    kernel: Shape
    stride: Shape
    before: Shape
    behind: Shape
    dilation: Shape
    out: Shape

    def place(self, axis: int) -> str:
        """The C expression of an input place for output o and tap k; it may lie outside."""
        return (
            f"o{axis} * {self.stride[axis]} + k{axis} * {self.dilation[axis]} - {self.before[axis]}"
        )

    def counts(self, axis: int, padding: bool) -> list[int]:
        """For each output how many taps lie on the map, or on the map and its padding."""
        low, high = 0, self.size[axis]
        if padding:
            low, high = -self.before[axis], high + self.behind[axis]
        return [
            sum(
                low
                <= out * self.stride[axis] - self.before[axis] + tap * self.dilation[axis]
                < high
                for tap in range(self.kernel[axis])
            )
            for out in range(self.out[axis])
        ]

    def __str__(self) -> str:
        stride = f" stride {max(self.stride)}" if max(self.stride, default=1) > 1 else ""
        return "×".join(map(str, self.kernel)) + stride


def sliding(node: Node, size: Shape, out: Shape, kernel: Shape) -> Sliding:
    """The window of a convolution or pool node over maps of any number of axes."""
    steps = steps_of(node, size, out, kernel)
    return Sliding(size, kernel, steps.stride, steps.before, steps.behind, steps.dilation, out)


def _taps(window: Sliding, innermost: Sequence[str], places: Sequence[str] = ()) -> list[str]:
    """Loops over the taps; p0, p1, … are input places, and those outside the map are left out."""
    lines = list(innermost)
    for axis in reversed(range(len(window.kernel))):
        place = places[axis] if places else window.place(axis)
        check = f"if (p{axis} < 0 || p{axis} >= {window.size[axis]}) continue;"
        body = [f"const int p{axis} = {place};", check, *lines]
        lines = nest([window.kernel[axis]], [f"k{axis}"], body)
    return lines


class Weighted(Generic):
    """A convolution of either direction, with weights from memory or constant."""

    def __init__(
        self,
        name: str,
        x: Rows,
        weight: Rows,
        bias: Rows | None,
        groups: int,
        window: Sliding,
        y: Buffer,
    ) -> None:
        super().__init__(name, [x, weight, *([bias] if bias is not None else [])], y)
        self.x, self.weight, self.groups, self.window = x, weight, groups, window
        self.macs = prod(y.spatial) * prod(weight.shape[1:])


class GenericConvolution(Weighted):
    """Convolution of a batch with weights (M, C / groups, *kernel)."""

    def summary(self) -> str:
        groups = f", {self.groups} groups" if self.groups > 1 else ""
        sides = ["×".join(map(str, shape)) for shape in (self.x.shape, self.y.spatial)]
        return f"{self.window}{groups}, {sides[0]} → {sides[1]}"

    def emit(self, writer: Writer) -> str:
        each_out, each_in = self.weight.shape[0] // self.groups, self.weight.shape[1]
        rank = len(self.window.kernel)
        channel = "q" if self.groups == 1 else f"(m / {each_out} * {each_in} + q)"
        read = index(self.x.steps, ["n", channel, *axes_names("p", rank)])
        weigh = index(self.weight.steps, ["m", "q", *axes_names("k", rank)])
        body = [
            f"float s = {'c[m]' if len(self.operands) > 2 else '0'};",
            *nest([each_in], ["q"], _taps(self.window, [f"s += a[{read}] * b[{weigh}];"])),
        ]
        return self.function(writer, _outputs(self, rank, body))


class TransposedConvolution(Weighted):
    """The transposed convolution with weights (C, M / groups, *kernel).

    `window` has the padding that is cut off the output, and `out` the output's sides.
    """

    def __init__(
        self, name: str, x: Rows, weight: Rows, bias: Rows | None, groups: int, window: Sliding,
        y: Buffer,
    ) -> None:  # fmt: skip
        super().__init__(name, x, weight, bias, groups, window, y)
        self.macs = prod(x.shape) * prod(weight.shape[1:])

    def summary(self) -> str:
        sides = ["×".join(map(str, shape)) for shape in (self.x.shape, self.y.spatial)]
        return f"transposed {self.window}, {sides[0]} → {sides[1]}"

    def emit(self, writer: Writer) -> str:
        window, rank = self.window, len(self.window.kernel)
        each_in, each_out = self.weight.shape[0] // self.groups, self.weight.shape[1]
        channel = "q" if self.groups == 1 else f"(m / {each_out} * {each_in} + q)"
        output = "m" if self.groups == 1 else f"m % {each_out}"
        read = index(self.x.steps, ["n", channel, *axes_names("p", rank)])
        weigh = index(self.weight.steps, [channel, f"({output})", *axes_names("k", rank)])
        lines = [f"s += a[{read}] * b[{weigh}];"]
        for axis in reversed(range(rank)):
            stride, far = window.stride[axis], window.stride[axis] * window.size[axis]
            place = f"o{axis} + {window.before[axis]} - k{axis} * {window.dilation[axis]}"
            check = f"t{axis} < 0 || t{axis} >= {far}"
            check += f" || t{axis} % {stride} != 0" if stride > 1 else ""
            lines = nest([window.kernel[axis]], [f"k{axis}"], [
                f"const int t{axis} = {place};",
                f"if ({check}) continue;",
                f"const int p{axis} = t{axis} / {stride};",
                *lines,
            ])  # fmt: skip
        start = "c[m]" if len(self.operands) > 2 else "0"
        body = [f"float s = {start};", *nest([each_in], ["q"], lines)]
        return self.function(writer, _outputs(self, rank, body))


def _outputs(layer: Generic, rank: int, body: list[str]) -> list[str]:
    """Loops over all outputs (n, m, o0, …) around the body that makes the sum s."""
    names = ["n", "m", *axes_names("o", rank)]
    target = f"y[{index(row_steps(layer.y.spatial), names)}]"
    return nest(layer.y.spatial, names, [*body, f"{target} = s;"])


class GenericPool(Generic):
    """Maximum, average, sum of squares or p-norm over a window; maps lie one behind the other."""

    def __init__(
        self,
        name: str,
        x: Rows,
        window: Sliding,
        kind: Literal["max", "average", "squares", "norm"],
        y: Buffer,
        *,
        count_padding: bool = False,
        power: int = 2,
    ) -> None:
        super().__init__(name, [x], y)
        self.x, self.window, self.kind = x, window, kind
        self.count_padding, self.power = count_padding, power

    def summary(self) -> str:
        return f"{self.kind} {self.window}, {'×'.join(map(str, self.y.spatial))}"

    def emit(self, writer: Writer) -> str:
        window = self.window
        rank, maps = len(window.kernel), prod(self.x.shape) // max(1, prod(window.size))
        names = axes_names("o", rank)
        read = index(row_steps((maps, *window.size)), ["n", *axes_names("p", rank)])
        value = f"a[{read}]"
        start, join, end = {
            "max": ("-INFINITY", f"s = {value} > s || {value} != {value} ? {value} : s;", "s"),
            "average": ("0", f"s += {value};", "s"),
            "squares": ("0", f"s += {value} * {value};", "s"),
            "norm": (
                "0",
                f"s += powf(fabsf({value}), {self.power});",
                f"powf(s, 1.0f / {self.power})",
            ),
        }[self.kind]
        if self.kind == "average":
            end = f"s / ({' * '.join(self._count(writer, axis) for axis in range(rank)) or '1'})"
        target = f"y[{index(row_steps((maps, *window.out)), ['n', *names])}]"
        body = [f"float s = {start};", *_taps(window, [join]), f"{target} = {end};"]
        return self.function(writer, nest([maps, *window.out], ["n", *names], body))

    def _count(self, writer: Writer, axis: int) -> str:
        """How many values along an axis are averaged: a number, or a table by output."""
        counts = self.window.counts(axis, self.count_padding)
        if len(set(counts)) == 1:
            return str(counts[0])
        table = f"{c_name(self.name)}_count{LETTERS[axis]}"
        writer.table(table, counts)
        return f"{table}[o{axis}]"
