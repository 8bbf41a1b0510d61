"""Generic layers: tensors of any rank row by row in memory, worked through by nested loops.

They do what the layers in blocks do not: batches, broadcasting, odd axes. The loops are made to be
read; what matters for speed has a layer of its own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.codegen.c_text import braced
from martlet.compiler.codegen.writer import Kernel, Writer
from martlet.compiler.ir.graph import FLOAT32, NumberType, Shape, shape_text
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels.activations import add_functions, number

Steps = tuple[int, ...]
LETTERS = [*"abcdefghijklmnopqrstuvwxz", *(f"a{number}" for number in range(1000))]


@dataclass(frozen=True, eq=False)
class Rows:
    """A tensor as a loop reads it: `steps` are the numbers between neighbours along each axis."""

    source: Buffer | NDArray[Any]  # memory, or a constant in row-major order
    shape: Shape
    steps: Steps
    start: int = 0  # numbers from the beginning of the source

    @property
    def dtype(self) -> NumberType:
        """Of its numbers; constants are packed as floats."""
        return self.source.dtype if isinstance(self.source, Buffer) else FLOAT32

    def broadcast(self, shape: Shape) -> "Rows":
        """Seen with another shape, as ONNX (and numpy) broadcast."""
        missing = len(shape) - len(self.shape)
        steps = [0] * missing + [
            0 if side == 1 else step for side, step in zip(self.shape, self.steps, strict=True)
        ]
        return replace(self, shape=shape, steps=tuple(steps))

    def permuted(self, order: Sequence[int]) -> "Rows":
        """With its axes in another order."""
        return replace(
            self,
            shape=tuple(self.shape[axis] for axis in order),
            steps=tuple(self.steps[axis] for axis in order),
        )

    def reshaped(self, shape: Shape) -> "Rows":
        """With other sides; only for what still lies row by row."""
        assert self.steps == row_steps(self.shape)
        return replace(self, shape=shape, steps=row_steps(shape))

    def scalar(self) -> float | None:
        """The value of a constant that is one number."""
        if isinstance(self.source, np.ndarray) and self.source.size == 1:
            return float(self.source.reshape(()))
        return None


def row_steps(shape: Shape) -> Steps:
    """Floats between neighbours along each axis of a tensor that lies row by row."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def rows_of(source: Buffer | NDArray[Any], shape: Shape, start: int = 0) -> Rows:
    """A tensor that lies row by row."""
    return Rows(source, shape, row_steps(shape), start)


def merge(shape: Shape, steps: Sequence[Steps]) -> tuple[Shape, list[Steps]]:
    """The fewest loops for the same walk: axes of one value go, neighbours become one axis."""
    kept: list[tuple[int, Steps]] = []  # side of each loop, and a step of each tensor
    for side, *own in zip(shape, *steps, strict=True):
        if side == 1:
            continue
        if kept and kept[-1][1] == tuple(step * side for step in own):
            side *= kept.pop()[0]
        kept.append((side, tuple(own)))
    return tuple(side for side, _ in kept), [
        tuple(own[tensor] for _, own in kept) for tensor in range(len(steps))
    ]


def index(steps: Steps, names: Sequence[str]) -> str:
    """The C expression of a place: each axis's variable times its step."""
    terms = [
        name if step == 1 else f"{name} * {step}"
        for name, step in zip(names, steps, strict=True)
        if step
    ]
    return " + ".join(terms) or "0"


def nest(sides: Sequence[int], names: Sequence[str], body: Sequence[str]) -> list[str]:
    """Loops around a body, the last axis innermost."""
    lines = list(body)
    for depth, (side, name) in enumerate(reversed(list(zip(sides, names, strict=True)))):
        head = f"for (int {name} = 0; {name} < {side}; {name}++)"
        several = depth == 0 and len(lines) > 1
        lines = braced(head, lines) if several else [head, *(f"  {line}" for line in lines)]
    return lines


def axes_names(letter: str, count: int) -> list[str]:
    """Loop variables."""
    return [f"{letter}{axis}" for axis in range(count)]


class Generic(Kernel):
    """Shared by all generic layers: a C function of pointers to its operands and its result."""

    def __init__(self, name: str, operands: Sequence[Rows], y: Buffer) -> None:
        self.name, self.operands, self.y = name, list(operands), y
        self.reads = [rows.source for rows in operands if isinstance(rows.source, Buffer)]
        self.writes = [y]

    def packed_weights(self, schedule: Schedule) -> list[NDArray[np.float32]]:
        """Operands that are constants."""
        given = ((rows.source, rows.dtype) for rows in self.operands)
        return [values.astype(t) for values, t in given if not isinstance(values, Buffer)]

    def function(self, writer: Writer, lines: Sequence[str]) -> str:
        """Write the function and return its call; operands are called a, b, …, the result y."""
        name, letters = writer.name(f"{self.c_name}_layer"), [*LETTERS[: len(self.operands)], "y"]
        text = "\n".join(lines)
        unused = [letter for letter in letters if not re.search(rf"\b{letter}\[", text)]
        head = ", ".join([*(f"const float *{letter}" for letter in letters[:-1]), "float *y"])
        body = [*(f"(void){letter};" for letter in unused), *lines]
        writer.function(f"static void {name}({head})", body)
        constants, pointers = iter(writer.schedule.packed[self.name].starts()), list[str]()
        for rows in self.operands:
            if isinstance(rows.source, Buffer):
                at = writer.schedule[rows.source].start + rows.start
                pointers.append(f"{rows.source.base} + {at}")
            else:
                pointers.append(f"weights + {next(constants) + rows.start}")
        pointers.append(f"{self.y.base} + {writer.schedule[self.y].start}")
        return f"{name}({', '.join(pointers)})"


class Elementwise(Generic):
    """A formula of values that are broadcast to one shape: {0}, {1}, …

    Those that are a single number stand in the formula, and are no operands.
    """

    operator = "element-wise"

    def __init__(self, name: str, formula: str, values: Sequence[Rows], y: Buffer) -> None:
        self.formula, self.shape = formula, y.spatial
        self.values = [rows.broadcast(self.shape) for rows in values]
        super().__init__(name, [rows for rows in self.values if rows.scalar() is None], y)

    def summary(self) -> str:
        return f"each of {shape_text(self.shape)} values"

    def emit(self, writer: Writer) -> str:
        add_functions(self.formula, writer)
        walked = [*(rows.steps for rows in self.operands), row_steps(self.shape)]
        sides, steps = merge(self.shape, walked)
        names = axes_names("i", len(sides))
        values, place = [], 0
        for rows in self.values:
            scalar = rows.scalar()
            if scalar is not None:
                values.append(number(scalar))
                continue
            values.append(f"{LETTERS[place]}[{index(steps[place], names)}]")
            place += 1
        target = f"y[{index(steps[-1], names)}]"
        lines = nest(sides, names, [f"{target} = {self.formula.format(*values)};"])
        return self.function(writer, lines)


class Rearrange(Generic):
    """Copies tensors side by side into one; with each comes its first place in y.

    every: along each axis of y, how far apart neighbours of a piece come to lie; () for 1.
    """

    operator = "copy"

    def __init__(
        self,
        name: str,
        pieces: Sequence[tuple[Rows, int]],
        y: Buffer,
        fill: float | None = None,
        every: Sequence[int] = (),
    ) -> None:
        super().__init__(name, [rows for rows, _ in pieces], y)
        self.firsts, self.fill = [first for _, first in pieces], fill
        self.steps = row_steps(y.spatial)
        if every:
            self.steps = tuple(a * b for a, b in zip(self.steps, every, strict=True))
        self.moved = sum(
            (rows.dtype.itemsize + y.dtype.itemsize) * prod(rows.shape) for rows, _ in pieces
        )

    def summary(self) -> str:
        return f"rearranged to {shape_text(self.y.spatial)}"

    def emit(self, writer: Writer) -> str:
        lines = []
        if self.fill is not None:
            head = f"for (int i = 0; i < {prod(self.y.spatial)}; i++)"
            lines += [head, f"  y[i] = {number(self.fill)};"]
        for place, (rows, first) in enumerate(zip(self.operands, self.firsts, strict=True)):
            if 0 in rows.shape:
                continue
            sides, (read, write) = merge(rows.shape, [rows.steps, self.steps])
            names = axes_names("i", len(sides))
            start = f"{first} + " if first else ""
            copied = f"y[{start}{index(write, names)}] = {LETTERS[place]}[{index(read, names)}];"
            lines += nest(sides, names, [copied])
        return self.function(writer, lines)


class Picked(Generic):
    """y[i0, i1, …] = x at a listed index along each axis; an index of -1 means `fill`."""

    operator = "copy"

    def __init__(
        self, name: str, x: Rows, indices: Sequence[NDArray[np.int64]], y: Buffer, fill: float = 0.0
    ) -> None:
        super().__init__(name, [x], y)
        self.x, self.indices, self.fill = x, indices, fill
        self.moved = (x.dtype.itemsize + y.dtype.itemsize) * prod(y.spatial)

    def summary(self) -> str:
        return f"picked {shape_text(self.y.spatial)} values"

    def emit(self, writer: Writer) -> str:
        shape, name = self.y.spatial, self.c_name
        names = axes_names("i", len(shape))
        terms, checks = [], []
        for axis, (listed, variable) in enumerate(zip(self.indices, names, strict=True)):
            step = self.x.steps[axis]
            if listed.min(initial=0) >= 0 and np.array_equal(
                listed - listed[:1], np.arange(listed.size)
            ):
                begin = int(listed[0]) if listed.size else 0
                terms.append(
                    f"({begin} + {variable}) * {step}" if begin else f"{variable} * {step}"
                )
                continue
            table = writer.table(f"{name}_axis{LETTERS[axis]}", [int(at) for at in listed])
            terms.append(f"{table}[{variable}] * {step}")
            if (listed < 0).any():
                checks.append(f"{table}[{variable}] < 0")
        value = f"a[{' + '.join(terms) or '0'}]"
        if checks:
            value = f"{' || '.join(checks)} ? {number(self.fill)} : {value}"
        target = f"y[{index(row_steps(shape), names)}]"
        return self.function(writer, nest(shape, names, [f"{target} = {value};"]))
