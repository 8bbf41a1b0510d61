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
        """Each weight times all that it weighs in a map, along rows that lie side by side."""
        each_out, each_in = self.weight.shape[0] // self.groups, self.weight.shape[1]
        rank, channel = len(self.window.kernel), self._channel(each_out, each_in)
        places = axes_names("o", rank)
        read = index(
            self.x.steps, ["n", channel, *(f"({self.window.place(a)})" for a in range(rank))]
        )
        weigh = index(self.weight.steps, ["m", "q", *axes_names("k", rank)])
        lines = [f"l[{index(row_steps(self.window.out), places)}] += w * a[{read}];"]
        for axis in reversed(range(rank)):
            name = places[axis]
            head = f"for (int {name} = from{axis}; {name} < to{axis}; {name}++)"
            lines = [head, *(f"  {line}" for line in lines)]
        lines = [f"const float w = b[{weigh}];", *lines]
        for axis in reversed(range(rank)):
            lines = nest([self.window.kernel[axis]], [f"k{axis}"], [*self._reach(axis), *lines])
        start = "c[m]" if len(self.operands) > 2 else "0"
        size = prod(self.window.out)
        body = [
            f"float *l = y + (n * {self.weight.shape[0]} + m) * {size};",
            f"for (int i = 0; i < {size}; i++) l[i] = {start};",
            *nest([each_in], ["q"], lines),
        ]
        return self.function(writer, nest(self.y.spatial[:2], ["n", "m"], body))

    def _reach(self, axis: int) -> list[str]:
        """C text: from which output place on, and up to which, a tap lies inside the map."""
        window = self.window
        stride, size, out = window.stride[axis], window.size[axis], window.out[axis]
        before, far = window.before[axis], window.dilation[axis] * (window.kernel[axis] - 1)
        shift = f"{before} - k{axis} * {window.dilation[axis]}"
        first, last = f"from{axis}", f"to{axis}"
        if before <= 0 and (out - 1) * stride + far - before < size:  # no tap is outside
            return [f"const int {first} = 0, {last} = {out};"]
        return [
            f"const int s{axis} = {shift}, e{axis} = {size - 1} + s{axis};",
            f"const int {first} = s{axis} > 0 ? (s{axis} + {stride - 1}) / {stride} : 0;",
            f"const int t{axis} = e{axis} < 0 ? 0 : e{axis} / {stride} + 1;",
            f"const int {last} = t{axis} < {out} ? t{axis} : {out};",
        ]

    def _channel(self, each_out: int, each_in: int) -> str:
        """C text of the input channel number q of the group that output m is in."""
        return "q" if self.groups == 1 else f"(m / {each_out} * {each_in} + q)"


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
        rank, channel = len(window.kernel), self._channel(each_out, each_in)
        read = index(self.x.steps, ["n", channel, *axes_names("p", rank)])
        weigh = index(self.weight.steps, [channel, f"({output})", *axes_names("k", rank)])
        lines = [f"s += a[{read}] * b[{weigh}];"]
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
        names = ["n", "m", *axes_names("o", rank)]
        body = [
            f"float s = {'c[m]' if len(self.operands) > 2 else '0'};",
            *nest([each_in], ["q"], lines),
            f"y[{index(row_steps(self.y.spatial), names)}] = s;",
        ]
        return self.function(writer, nest(self.y.spatial, names, body))


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
