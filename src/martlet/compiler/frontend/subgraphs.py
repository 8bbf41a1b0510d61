"""Networks in networks: the branches of If, and the names that they read of what is around them."""

from collections.abc import Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush

import onnx

BRANCHES = ("then_branch", "else_branch")


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs that a node holds."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def inside(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.GraphProto]:
    """All graphs that the nodes hold, and what these hold."""
    for node in nodes:
        for graph in subgraphs(node):
            yield from all_graphs(graph)


def all_graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph, and all that its nodes hold."""
    yield graph
    yield from inside(graph.node)


def reads(node: onnx.NodeProto) -> set[str]:
    """All names that a node reads of the graph it stands in, also deep inside."""
    found = {name for name in node.input if name}
    for graph in subgraphs(node):
        read = {name for each in graph.node for name in reads(each)}
        read |= {value.name for value in graph.output}
        found |= read - own_names(graph)
    return found


def own_names(graph: onnx.GraphProto) -> set[str]:
    """What the graph makes, or has as inputs and constants."""
    made = {name for node in graph.node for name in node.output}
    return made | {item.name for item in (*graph.input, *graph.initializer)}


def is_choice(node: onnx.NodeProto) -> bool:
    """Whether it is an If of ONNX itself."""
    return node.op_type == "If"


def branch_taken(
    node: onnx.NodeProto, condition: bool, names: set[str]
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """The nodes and constants of the branch that an If takes, in place of the If.

    What is made inside gets names that are not among `names`, and they are added there.
    """
    word = BRANCHES[0] if condition else BRANCHES[1]
    graph = next(item.g for item in node.attribute if item.name == word)
    renamed = {}
    for name in sorted(own_names(graph) - {""}):
        own = f"{node.output[0]} {name}"
        while own in names:
            own += "'"
        names.add(own)
        renamed[name] = own
    nodes = [_renamed(each, renamed) for each in graph.node]
    for value, output in zip(graph.output, node.output, strict=True):
        if output:
            source = renamed.get(value.name, value.name)
            nodes.append(onnx.helper.make_node("Identity", [source], [output]))
    constants = list[onnx.TensorProto]()
    for tensor in graph.initializer:
        constants.append(onnx.TensorProto())
        constants[-1].CopyFrom(tensor)
        constants[-1].name = renamed[tensor.name]
    return nodes, constants


def _renamed(node: onnx.NodeProto, names: Mapping[str, str]) -> onnx.NodeProto:
    """A copy that reads and makes tensors under other names, also deep inside."""
    made = onnx.NodeProto()
    made.CopyFrom(node)
    made.input[:] = [names.get(name, name) for name in node.input]
    made.output[:] = [names.get(name, name) for name in node.output]
    for graph in subgraphs(made):
        own = own_names(graph)
        outer = {name: new for name, new in names.items() if name not in own}
        nodes = [_renamed(each, outer) for each in graph.node]
        del graph.node[:]
        graph.node.extend(nodes)
        for value in graph.output:
            value.name = outer.get(value.name, value.name)
    return made


def in_order(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes in an order in which each is behind what it reads; as they are where that is so.

    Nodes that need each other in a circle come last.
    """
    nodes = list(graph.node)
    makers = {
        name: at for at, node in reversed([*enumerate(nodes)]) for name in node.output if name
    }
    needs = [{makers[name] for name in reads(node) if name in makers} for node in nodes]
    if all(at > max(need, default=-1) for at, need in enumerate(needs)):
        return nodes
    return [nodes[at] for at in _sorted(needs)]


def _sorted(needs: list[set[int]]) -> list[int]:
    """Numbers so that each comes behind those it needs, else the lowest first."""
    readers: dict[int, list[int]] = {}
    for at, need in enumerate(needs):
        for maker in need:
            readers.setdefault(maker, []).append(at)
    left = [len(need) for need in needs]
    ready = [at for at, count in enumerate(left) if not count]
    heapify(ready)
    order = list[int]()
    while ready:
        order.append(heappop(ready))
        for reader in readers.get(order[-1], ()):
            left[reader] -= 1
            if not left[reader]:
                heappush(ready, reader)
    placed = {*order}
    return [*order, *(at for at in range(len(needs)) if at not in placed)]
