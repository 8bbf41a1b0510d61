"""Steps that only move data; the fewer the better, and the report counts them."""

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from swiftlet.compiler.program import Maps, Step, Writer

if TYPE_CHECKING:
    from swiftlet.compiler.lower import Lowering


def in_one_place(low: "Lowering", name: str, x: Maps) -> Maps:
    """`x` as it is when one pointer reaches all its channels, else a copy."""
    if len({buffer.outside for buffer in x.buffers}) == 1 and len({b.lanes for b in x.buffers}) == 1:
        return x
    return to_blocks(low, name, x)


def in_blocks(low: "Lowering", name: str, x: Maps) -> Maps:
    """`x` as it is when it lies in blocks of vectors, else a copy."""
    inside = all(not b.outside and b.lanes == low.program.lanes for b in x.buffers)
    return x if inside else to_blocks(low, name, x)


def to_blocks(low: "Lowering", name: str, x: Maps) -> Maps:
    """A copy in blocks, channels in order."""
    channels = x.where.shape[:-1]
    buffer = low.program.buffer(prod(channels), x.places, low.program.lanes)
    where = np.array([(0, buffer.offset(slot)) for slot in range(prod(channels))], np.int64)
    target = Maps((buffer,), where.reshape(*channels, 2), x.spatial)
    copy(low, f"{name} to blocks", x, target)
    return target


def copy(low: "Lowering", name: str, x: Maps, target: Maps, counted: bool = True) -> None:
    """Move every channel of `x` to where `target` has it."""
    goal = target.buffers[0]
    if x.places == 1 and target.places != 1:
        raise AssertionError("a copy keeps the shape of maps")

    def emit(writer: Writer) -> str:
        from swiftlet.compiler.kernels.convolution import c_name

        step = c_name(name)
        source = [(b.outside or "work", max(b.at, 0) + o) for b, o in x.channels()]
        base = source[0][0]
        goals = [max(b.at, 0) + o for b, o in target.channels()]
        to = goal.outside or "work"
        table = ", ".join(f"{{{s[1]}, {g}}}" for s, g in zip(source, goals, strict=True))
        writer.tables.append(f"static const int32_t {step}_at[{len(goals)}][2] = {{{table}}};\n")
        writer.functions.append(
            f"static void {step}(const float *from, float *to) {{\n"
            f"  for (int c = 0; c < {len(goals)}; c++)\n"
            f"    for (int p = 0; p < {x.places}; p++)\n"
            f"      to[{step}_at[c][1] + p * {goal.lanes}] = from[{step}_at[c][0] + p * {x.lanes}];\n}}\n"
        )
        return f"{step}({base}, {to});"

    values = prod(x.where.shape[:-1]) * x.places
    low.program.steps.append(
        Step(name, list(x.buffers), [goal], emit, 0, 8 * values if counted else 0, "copy")
    )
