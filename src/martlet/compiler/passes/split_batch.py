"""A large batch as a loop: the network of one picture, which runs once for each.

Layers of each picture by itself would make text that grows with the batch, and hours of compiling.
It is done where no operator looks from one picture at another.
"""

from collections.abc import Callable

from martlet.compiler.ir.graph import Graph, Node
from martlet.compiler.ir.operators import BY_VALUE

MOST_UNROLLED = 4  # pictures whose layers may stand side by side
EACH_VALUE = {*BY_VALUE, "Dropout"}
WINDOWS = {"AveragePool", "Conv", "ConvTranspose", "GlobalLpPool", "LpPool", "MaxPool"}
NORMS = {"BatchNormalization", "GroupNormalization", "InstanceNormalization", "LRN"}
MAPS = {*WINDOWS, *NORMS, "GlobalAveragePool", "GlobalMaxPool", "DepthToSpace", "SpaceToDepth"}
SHAPED = {"Expand", "Flatten", "Reshape", "Squeeze", "Tile", "Unsqueeze"}
ALONG_AXIS = {"Gather", "LayerNormalization", "LogSoftmax", "LpNormalization", "RMSNormalization"}
ALONG_AXIS |= {"Concat", "Softmax", "Split"}


def split_batch(graph: Graph) -> int:
    """Make it the graph of one picture, changed in place; returns how many there were, or 1.

    1, and the graph as it is, for a small batch and where pictures are not apart.
    """
    shapes = [graph.shapes[name] for name in (*graph.inputs, *graph.outputs)]
    sizes = {shape[0] if shape else 1 for shape in shapes}
    if len(sizes) != 1 or max(sizes) <= MOST_UNROLLED:
        return 1
    (pictures,) = sizes
    apart = set(graph.inputs)  # tensors whose first axis is that of the pictures
    for node in graph.nodes:
        made = [name for name in node.outputs if name]
        if not made:  # nobody reads it
            continue
        if not all(graph.shapes[name][:1] == (pictures,) for name in made):
            return 1
        if not apart.intersection(node.inputs) or not _is_apart(node, graph, apart):
            return 1
        apart.update(made)
    if not apart.issuperset(graph.outputs):
        return 1
    for name in apart:
        graph.shapes[name] = (1, *graph.shapes[name][1:])
    return pictures


def _is_apart(node: Node, graph: Graph, apart: set[str]) -> bool:
    """Whether each picture of its outputs is made of that picture of its inputs alone."""
    first, *others = node.inputs
    constant = all(name not in apart for name in others)  # each is, or is left out
    if node.op in EACH_VALUE:
        return _fits_each_value(node, graph, apart)
    if node.op.startswith("Reduce"):
        return constant and 0 not in node.attributes["axes"]
    if node.op in PRODUCTS:
        return PRODUCTS[node.op](node, graph, apart)
    if node.op == "Concat":
        return node.attributes["axis"] > 0 and apart.issuperset(node.inputs)
    if first not in apart or not constant:
        return False
    if node.op in ALONG_AXIS:
        alike = node.op == "Gather" or _fits_each_value(node, graph, apart)
        return alike and bool(node.attributes["axis"] > 0)
    if node.op == "Transpose":
        return bool(node.attributes.get("perm", [1])[0] == 0)
    if node.op == "Slice":
        return bool(node.attributes["starts"][0] == 0 and node.attributes["steps"][0] == 1)
    if node.op == "Pad":
        pads = node.attributes["pads"]
        return len(node.inputs) == 1 and bool(pads[0] == pads[len(pads) // 2] == 0)
    return node.op in MAPS or (node.op in SHAPED and _keeps_pictures(node, graph))


def _fits_each_value(node: Node, graph: Graph, apart: set[str]) -> bool:
    """Whether what is broadcast to all pictures is the same for all."""
    rank = max(len(graph.shapes[name]) for name in node.outputs if name)
    for name in filter(None, node.inputs):
        shape = graph.shapes[name]
        same = len(shape) < rank or shape[:1] == (1,) or rank == 0
        if not (len(shape) == rank if name in apart else same and name in graph.constants):
            return False
    return True


def _keeps_pictures(node: Node, graph: Graph) -> bool:
    """Whether the first axis stays; values in order of the pictures stay with them."""
    ranks = [len(graph.shapes[name]) for name in (node.inputs[0], node.outputs[0])]
    return node.op not in ("Expand", "Tile") or ranks[0] == ranks[1]


def _general(node: Node, graph: Graph, apart: set[str]) -> bool:
    a, b, *added = node.inputs
    plain = a in apart and b in graph.constants and not node.attributes.get("transA", 0)
    sides = [graph.shapes[name] for name in filter(None, added) if name in graph.constants]
    same = all(len(shape) < 2 or shape[0] == 1 for shape in sides)
    return plain and same and len(sides) == len([*filter(None, added)])


def _matrices(node: Node, graph: Graph, apart: set[str]) -> bool:
    """By a constant matrix, or of stacks of matrices with one for each picture."""
    a, b = node.inputs
    left, right = len(graph.shapes[a]), len(graph.shapes[b])
    if a in apart and b in graph.constants:
        return left >= 2 >= right
    return {a, b} <= apart and left == right >= 3


PRODUCTS: dict[str, Callable[[Node, Graph, set[str]], bool]] = {
    "Gemm": _general,
    "MatMul": _matrices,
}
