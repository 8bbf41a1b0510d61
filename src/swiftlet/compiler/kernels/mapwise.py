"""Work on maps lane by lane: pools, activations, gates and sums."""

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from swiftlet.compiler.graph import Node
from swiftlet.compiler.kernels import activations, copying
from swiftlet.compiler.kernels.windows import blockwise, node_name, used_blocks, window_of
from swiftlet.compiler.program import Maps, Step, Writer
from swiftlet.compiler.simplify import activation

if TYPE_CHECKING:
    from swiftlet.compiler.lower import Lowering


def max_pool(low: "Lowering", node: Node) -> Maps:
    """MaxPool."""
    x = copying.in_blocks(low, node.name, low.maps[node.inputs[0]])
    return blockwise(low, node, x, window_of(low, node, tuple(node.attributes["kernel_shape"])), None, "max", 0)


def average_pool(low: "Lowering", node: Node) -> Maps:
    """AveragePool."""
    x = copying.in_blocks(low, node.name, low.maps[node.inputs[0]])
    return blockwise(low, node, x, window_of(low, node, tuple(node.attributes["kernel_shape"])), None, "average", 0)


def global_average(low: "Lowering", node: Node) -> Maps:
    """The mean of each map."""
    x = copying.in_blocks(low, node.name, low.maps[node.inputs[0]])
    shape = low.graph.shapes[node.outputs[0]]
    y, where = _beside(low, x, 1)

    def emit(writer: Writer) -> str:
        name = writer.kernel(
            f"mean_{x.places}",
            f"static void mean_{x.places}(const float *restrict x, float *restrict y) {{\n"
            f"  v a = fill(0), b = fill(0);\n  int p = 0;\n"
            f"  for (; p + 1 < {x.places}; p += 2) {{ a += load(x + p * V); b += load(x + (p + 1) * V); }}\n"
            f"  if (p < {x.places}) a += load(x + p * V);\n"
            f"  store(y, (a + b) * (1.0f / {x.places}));\n}}\n",
        )
        return _each_block(writer, node, x, f"{name}(work + {{at}}[b], work + {y.at} + b * V)")

    low.program.steps.append(Step(node.name, list(x.buffers), [y], emit, 0, 0, f"mean of {x.places} places"))
    spatial = (1,) * (len(shape) - 2)
    return Maps((y,), where, spatial if len(shape) > 2 else ())


def unary(low: "Lowering", node: Node) -> Maps:
    """An activation by itself."""
    x = copying.in_blocks(low, node.name, low.maps[node.inputs[0]])
    act = activation(low.graph, node)
    y, where = _beside(low, x, x.places)

    def emit(writer: Writer) -> str:
        name = activations.function(act, writer)
        kernel = writer.kernel(
            f"map_{name}_{x.places}",
            f"static void map_{name}_{x.places}(const float *restrict x, float *restrict y) {{\n"
            f"  for (int p = 0; p < {x.places}; p++) store(y + p * V, {name}(load(x + p * V)));\n}}\n",
        )
        return _each_block(writer, node, x, f"{kernel}(work + {{at}}[b], work + {y.at} + (long)b * {x.places} * V)")

    low.program.steps.append(Step(node.name, list(x.buffers), [y], emit, 0, 0, "activation"))
    return Maps((y,), where, x.spatial)


def multiply(low: "Lowering", node: Node) -> Maps:
    """Mul and Add of two tensors of one shape, or of one with a value for each of its channels."""
    first, second = (low.maps[name] for name in node.inputs)
    if first.places < second.places:
        first, second = second, first
    x = copying.in_blocks(low, node.name, first)
    other = aligned(low, node, x, second)
    y, where = _beside(low, x, x.places)
    sign = {"Mul": "*", "Add": "+"}[node.op]
    step = x.places if other.places == x.places else 1

    def emit(writer: Writer) -> str:
        word = node.op.lower()
        each = "p * V" if step > 1 else "0"
        kernel = writer.kernel(
            f"{word}_{x.places}_{step}",
            f"static void {word}_{x.places}_{step}(const float *restrict x, const float *restrict s, float *restrict y) {{\n"
            f"  for (int p = 0; p < {x.places}; p++) store(y + p * V, load(x + p * V) {sign} load(s + {each}));\n}}\n",
        )
        size = other.places * other.lanes
        at = [other.buffers[b].at + block * size for b, block in used_blocks(other)]
        table = f"{node_name(node)}_other"
        writer.tables.append(f"static const int32_t {table}[{len(at)}] = {{{', '.join(map(str, at))}}};\n")
        call = f"{kernel}(work + {{at}}[b], work + {table}[b], work + {y.at} + (long)b * {x.places} * V)"
        return _each_block(writer, node, x, call)

    low.program.steps.append(
        Step(node.name, [*x.buffers, *other.buffers], [y], emit, 0, 0, node.op.lower())
    )
    return Maps((y,), where, x.spatial)


def aligned(low: "Lowering", node: Node, x: Maps, other: Maps) -> Maps:
    """`other` with its channels in the lanes in which `x` has them; copied when they are not."""
    if prod(x.where.shape[:-1]) != prod(other.where.shape[:-1]) or other.places not in (1, x.places):
        raise node.fail(f"shapes {x.shape} and {other.shape} cannot be joined here")
    order = used_blocks(x)
    inside = all(not b.outside and b.lanes == x.lanes for b in other.buffers)
    if inside and len(used_blocks(other)) == len(order):
        numbers = {place: number for number, place in enumerate(order)}
        theirs = {place: number for number, place in enumerate(used_blocks(other))}
        same = all(
            (numbers[int(a), int(o) // (x.places * x.lanes)], int(o) % x.lanes)
            == (theirs[int(c), int(q) // (other.places * other.lanes)], int(q) % other.lanes)
            for (a, o), (c, q) in zip(x.where.reshape(-1, 2), other.where.reshape(-1, 2), strict=True)
        )
        if same:
            return other
    y, where = _beside(low, x, other.places)
    target = Maps((y,), where.reshape(*other.where.shape), other.spatial)
    copying.copy(low, f"{node.name} aligned", other, target)
    return target


def _beside(low: "Lowering", x: Maps, places: int) -> tuple["object", np.ndarray]:
    """A fresh buffer with a block for each block of `x`, and where the channels lie in it."""
    lanes = low.program.lanes
    order = used_blocks(x)
    numbers = {place: number for number, place in enumerate(order)}
    y = low.program.buffer(len(order) * lanes, places, lanes)
    where = np.empty_like(x.where)
    for index in np.ndindex(*x.where.shape[:-1]):
        b, offset = x.where[index]
        block, lane = divmod(int(offset), x.places * lanes)
        where[index] = 0, numbers[int(b), block] * places * lanes + lane
    return y, where


def _each_block(writer: Writer, node: Node, x: Maps, call: str) -> str:
    step = node_name(node)
    at = [x.buffers[b].at + block * x.places * x.lanes for b, block in used_blocks(x)]
    writer.tables.append(f"static const int32_t {step}_at[{len(at)}] = {{{', '.join(map(str, at))}}};\n")
    writer.functions.append(
        f"static void {step}(float *restrict work) {{\n"
        f"  for (int b = 0; b < {len(at)}; b++)\n    {call.format(at=step + '_at')};\n}}\n"
    )
    return f"{step}(work);"
