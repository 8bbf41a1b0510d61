"""Generic layers with a window: convolutions of any batch, transposed ones, and pools."""

from collections.abc import Sequence
from math import prod
from typing import Literal

from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import shape_text
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.ir.window import Sliding
from martlet.compiler.kernels.generic import (
    LETTERS,
    Generic,
    Rows,
    axes_names,
    index,
    nest,
    row_steps,
)


def _taps(window: Sliding, innermost: Sequence[str]) -> list[str]:
    """Loops over the taps; p0, p1, … are input places, and those outside the map are left out."""
    lines = list(innermost)
    for axis in reversed(range(len(window.kernel))):
        check = f"if (p{axis} < 0 || p{axis} >= {window.size[axis]}) continue;"
        body = [f"const int p{axis} = {window.place(axis)};", check, *lines]
        lines = nest([window.kernel[axis]], [f"k{axis}"], body)
    return lines


class GenericConvolution(Generic):
    """Convolution of a batch with weights (M, C / groups, *kernel), from memory or constant."""

    operator = "convolution"
    weighs_inputs = False  # whether each input is weighed, or what makes each output

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
        each = x.shape if self.weighs_inputs else y.spatial
        self.macs = prod(each) * prod(weight.shape[1:])

    def summary(self) -> str:
        groups = f", {self.groups} groups" if self.groups > 1 else ""
        return f"{self.window}{groups}, {shape_text(self.x.shape)} → {shape_text(self.y.spatial)}"

    def emit(self, writer: Writer) -> str:
        each_out, each_in = self.weight.shape[0] // self.groups, self.weight.shape[1]
        line = self._product(each_out, each_in, ["m", "q"])
        return self._outputs(writer, each_in, _taps(self.window, [line]))

    def _product(self, each_out: int, each_in: int, row: list[str]) -> str:
        """C text that adds one product; `row` is which of the weights' maps it takes."""
        rank, channel = len(self.window.kernel), self._channel(each_out, each_in)
        read = index(self.x.steps, ["n", channel, *axes_names("p", rank)])
        weigh = index(self.weight.steps, [*row, *axes_names("k", rank)])
        return f"s += a[{read}] * b[{weigh}];"

    def _channel(self, each_out: int, each_in: int) -> str:
        """C text of the input channel number q of the group that output m is in."""
        return "q" if self.groups == 1 else f"(m / {each_out} * {each_in} + q)"

    def _outputs(self, writer: Writer, each_in: int, taps: list[str]) -> str:
        """Loops over all outputs (n, m, o0, …), and the channels (q) of each one's sum."""
        names = ["n", "m", *axes_names("o", len(self.window.kernel))]
        body = [
            f"float s = {'c[m]' if len(self.operands) > 2 else '0'};",
            *nest([each_in], ["q"], taps),
            f"y[{index(row_steps(self.y.spatial), names)}] = s;",
        ]
        return self.function(writer, nest(self.y.spatial, names, body))


class TransposedConvolution(GenericConvolution):
    """The transposed convolution with weights (C, M / groups, *kernel).

    `window` has the padding that is cut off the output, and `out` the output's sides.
    """

    weighs_inputs = True

    def summary(self) -> str:
        return (
            f"transposed {self.window}, {shape_text(self.x.shape)} → {shape_text(self.y.spatial)}"
        )

    def emit(self, writer: Writer) -> str:
        window = self.window
        each_in, each_out = self.weight.shape[0] // self.groups, self.weight.shape[1]
        output = "m" if self.groups == 1 else f"m % {each_out}"
        row = [self._channel(each_out, each_in), f"({output})"]
        lines = [self._product(each_out, each_in, row)]
        for axis in reversed(range(len(window.kernel))):
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
        return self._outputs(writer, each_in, lines)


class GenericPool(Generic):
    """Maximum, average, sum of squares or p-norm over a window; maps lie one behind the other."""

    operator = "pooling"

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
        return f"{self.kind} {self.window}, {shape_text(self.y.spatial)}"

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
        table = writer.table(f"{self.c_name}_count{LETTERS[axis]}", counts)
        return f"{table}[o{axis}]"
