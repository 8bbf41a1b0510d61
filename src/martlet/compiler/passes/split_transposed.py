"""Transposed convolutions as ordinary ones, one for each place that its stride leaves between two.

Of a stride of 2 every second row and column of the output meets the same taps of the kernel: they
are an ordinary convolution of it. The maps of all of them are laid into one another by a node
Interleaved, whose `strides` are those of the transposed convolution.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import Constant, Graph, Node
from martlet.compiler.ir.window import Sliding, transposed

MOST_AXES = 2  # of maps


class Phase(NamedTuple):
    """Along one axis: which outputs these are, the taps that they meet, and zeros around."""

    taps: slice  # of the kernel, as it is; they meet the input the other way round
    before: int  # places of padding in front
    behind: int  # and behind, or less
    out: int


def split_transposed(graph: Graph) -> None:
    """Those of up to two axes with constant weights, whose padding is not more than the kernel."""
    nodes = []
    for node in graph.nodes:
        parts = _parts(graph, node) if node.op == "ConvTranspose" else None
        nodes += parts or [node]
    graph.nodes = nodes


def _parts(graph: Graph, node: Node) -> list[Node] | None:
    weight = graph.constants.get(node.inputs[1])
    size, out = graph.shapes[node.inputs[0]][2:], graph.shapes[node.outputs[0]][2:]
    if weight is None or not 1 <= len(size) <= MOST_AXES:
        return None
    window = transposed(node, size, out, weight.shape[2:])
    by_axis = [_phases(window, axis) for axis in range(len(size))]
    known = [phases for phases in by_axis if phases is not None]
    if len(known) != len(by_axis):
        return None
    groups = int(node.attributes.get("group", 1))
    kernel = _of_convolution(weight, groups, window)
    made = [
        _convolution(graph, node, number, phases, kernel)
        for number, phases in enumerate(product(*known))
    ]
    if len(made) == 1:
        made[0].name, made[0].outputs = node.name, node.outputs
        return made
    names = [part.outputs[0] for part in made]
    joined = Node("Interleaved", node.name, names, node.outputs, {"strides": [*window.stride]})
    return [*made, joined]


def _phases(window: Sliding, axis: int) -> list[Phase] | None:
    """Output o of stride s reads input i by tap k where o + before = i · s + k · dilation."""
    stride, before, dilation = window.stride[axis], window.before[axis], window.dilation[axis]
    if stride > 1 and dilation > 1:
        return None
    found = []
    for first in range(stride):
        tap = (first + before) % stride
        taps = -(-(max(stride, window.kernel[axis]) - tap) // stride)
        nearest = (first + before - tap) // stride
        reach = (taps - 1) * dilation
        out = -(-(window.out[axis] - first) // stride)
        pad = reach - nearest
        if out < 1 or pad < 0:
            return None
        behind = out - 1 + nearest - (window.size[axis] - 1)
        found.append(Phase(slice(tap, None, stride), pad, behind, out))
    return found


def _of_convolution(weight: Constant, groups: int, window: Sliding) -> Constant:
    """The weights with outputs first; a kernel that is smaller than its stride gets zeros."""
    inputs, outputs, *kernel = weight.shape
    parts = weight.reshape(groups, inputs // groups, outputs, *kernel).swapaxes(1, 2)
    whole = parts.reshape(groups * outputs, inputs // groups, *kernel)
    more = [(0, max(0, s - k)) for s, k in zip(window.stride, kernel, strict=True)]
    return np.pad(whole, [(0, 0), (0, 0), *more])


def _convolution(
    graph: Graph, node: Node, number: int, phases: tuple[Phase, ...], kernel: NDArray[np.float32]
) -> Node:
    own: NDArray[np.float32] = kernel
    for axis, phase in enumerate(phases, start=2):
        places = np.arange(kernel.shape[axis])[phase.taps][::-1]
        own = own.take(places, axis)
    weight, made = f"{node.name} weights {number}", f"{node.name} phase {number}"
    graph.constants[weight] = np.ascontiguousarray(own)
    graph.shapes[weight], graph.types[weight] = own.shape, own.dtype
    graph.shapes[made] = (*graph.shapes[node.outputs[0]][:2], *(phase.out for phase in phases))
    graph.types[made] = graph.types[node.outputs[0]]
    attributes = {
        "pads": [*(phase.before for phase in phases), *(phase.behind for phase in phases)],
        "dilations": list(node.attributes.get("dilations") or [1] * len(phases)),
        "group": node.attributes.get("group", 1),
    }
    inputs = [node.inputs[0], weight, *node.inputs[2:3]]
    return Node("Conv", made, inputs, [made], attributes)
