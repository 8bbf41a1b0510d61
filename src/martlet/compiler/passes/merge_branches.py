"""Sums of convolutions of the same maps become one: networks that are trained with branches.

RepVGG, MobileOne, RepViT and GhostNetV3 train a 3×3 and a 1×1 convolution and a batch norm side by
side; exported as they were trained, all that stands between the maps and the sum is linear. The
weights of a smaller window are added to those of a larger one where they meet the same places.
"""

from dataclasses import dataclass

import numpy as np

from martlet.compiler.ir.graph import Constant, Graph, Node
from martlet.compiler.ir.window import Sliding, sliding


@dataclass
class Branch:
    """A linear function of maps x: a convolution, a scale and shift of channels, or x itself."""

    x: str
    node: Node | None  # None of x itself
    weight: Constant  # (outputs, inputs of a group, *kernel)
    bias: Constant
    groups: int
    window: Sliding


def merge_branches(graph: Graph) -> None:
    """Change the graph in place: each sum of two becomes a convolution, which may join a third."""
    makers, used = graph.producers(), graph.uses()
    gone = set[int]()
    for place, node in enumerate(graph.nodes):
        if node.op != "Add" or len(node.inputs) != 2:
            continue
        made = _merged(graph, node, makers, used, gone)
        if made is not None:
            graph.nodes[place] = makers[made.outputs[0]] = made
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]


def _merged(
    graph: Graph, node: Node, makers: dict[str, Node], used: dict[str, int], gone: set[int]
) -> Node | None:
    first, second = (_branch(graph, name, makers.get(name), used) for name in node.inputs)
    for one, other in ((first, node.inputs[1]), (second, node.inputs[0])):
        if one is not None and one.x == other:  # x itself is added
            first, second = one, _itself(graph, one)
    if first is None or second is None or first.x != second.x:
        return None
    if first.weight[0, 0].size < second.weight[0, 0].size:
        first, second = second, first
    weight = _with(first, second)
    if weight is None:
        return None
    names = []
    for word, value in (("weight", weight), ("bias", first.bias + second.bias)):
        name = f"{node.name} {word} of branches"
        graph.constants[name] = value.astype(np.float32)
        graph.shapes[name], graph.types[name] = value.shape, np.dtype(np.float32)
        names.append(name)
    gone.update(id(one.node) for one in (first, second) if one.node is not None)
    window = first.window
    given = {
        "kernel_shape": list(window.kernel), "strides": list(window.stride),
        "dilations": list(window.dilation), "pads": [*window.before, *window.behind],
        "group": first.groups,
    }  # fmt: skip
    return Node("Conv", node.name, [first.x, *names], node.outputs, given)


def _branch(graph: Graph, name: str, node: Node | None, used: dict[str, int]) -> Branch | None:
    """What makes a tensor, where it is such a function and nothing else reads what it makes."""
    if node is None or used[name] != 1 or any(node.outputs[1:]):
        return None
    shape = graph.shapes[name]
    if node.op == "ScaleShift" and "act" not in node.attributes and len(shape) > 2:
        scale, shift = (graph.constants[one] for one in node.inputs[1:3])
        return _by_channel(graph, node.inputs[0], node, scale, shift)
    if node.op != "Conv" or not {*node.attributes} <= PLAIN:
        return None
    weight = graph.constants.get(node.inputs[1])
    bias: Constant | None = np.zeros(shape[1], np.float32)
    if len(node.inputs) > 2 and node.inputs[2]:
        bias = graph.constants.get(node.inputs[2])
    if weight is None or bias is None or len(node.inputs) > 3:
        return None
    size = graph.shapes[node.inputs[0]][2:]
    window = sliding(node, size, shape[2:], weight.shape[2:])
    groups = int(node.attributes.get("group", 1))
    return Branch(node.inputs[0], node, weight, bias, groups, window)


PLAIN = {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"}


def _by_channel(
    graph: Graph, x: str, node: Node | None, scale: Constant, shift: Constant
) -> Branch:
    """A 1×1 convolution of each channel for itself."""
    channels, *size = graph.shapes[x][1:]
    one, none = (1,) * len(size), (0,) * len(size)
    window = Sliding(tuple(size), one, one, none, none, one, tuple(size))
    weight = np.broadcast_to(scale.reshape(-1), (channels,)).reshape(channels, 1, *one)
    bias = np.broadcast_to(shift.reshape(-1), (channels,))
    return Branch(x, node, weight, bias, channels, window)


def _itself(graph: Graph, beside: Branch) -> Branch | None:
    """x itself, where what it is added to has a window: beside a pointwise one it costs nothing."""
    if beside.weight[0, 0].size == 1:
        return None
    ones = np.ones(graph.shapes[beside.x][1], np.float32)
    return _by_channel(graph, beside.x, None, ones, 0 * ones)


def _with(large: Branch, small: Branch) -> Constant | None:
    """The weights of both; None where a tap of the small one meets no tap of the large one."""
    outputs, inputs = large.weight.shape[:2]
    narrow = small.groups == len(small.weight) and small.weight.shape[1] == 1
    alike = small.groups == large.groups and small.weight.shape[:2] == (outputs, inputs)
    square = outputs == inputs * large.groups and len(small.weight) == outputs
    if large.window.stride != small.window.stride or not (alike or (narrow and square)):
        return None
    taps = []
    for axis in range(len(large.window.kernel)):
        step, start = large.window.dilation[axis], large.window.before[axis]
        places = [
            k * small.window.dilation[axis] - small.window.before[axis] + start
            for k in range(small.window.kernel[axis])
        ]
        if any(p % step or not 0 <= p // step < large.window.kernel[axis] for p in places):
            return None
        taps.append([p // step for p in places])
    weight = large.weight.astype(np.float64)
    if alike:
        weight[np.ix_(range(outputs), range(inputs), *taps)] += small.weight
    else:
        for channel in range(outputs):
            weight[np.ix_([channel], [channel % inputs], *taps)] += small.weight[channel]
    return weight
