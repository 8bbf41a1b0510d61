"""The arena's budget: how large a workspace may be before memory is worth more than speed."""

from math import prod

from martlet.compiler.ir.graph import FLOAT32, Graph, stored_as

BUDGET = 1.25  # times the two largest tensors that are needed at the same time


def bound(graph: Graph, lanes: int) -> int:
    """Bytes of the two largest tensors that are needed at the same time, and a quarter more."""
    last = {name: number for number, node in enumerate(graph.nodes) for name in node.inputs if name}
    outside, live, most = {*graph.inputs, *graph.outputs}, dict[str, int](), 0
    for number, node in enumerate(graph.nodes):
        made = (name for name in node.outputs if name and name not in outside)
        live |= {name: _bytes(graph, name, lanes) for name in made}
        most = max(most, sum(sorted(live.values())[-2:]))
        live = {name: size for name, size in live.items() if last.get(name, -1) > number}
    return int(BUDGET * most)


def _bytes(graph: Graph, name: str, lanes: int) -> int:
    """Of a tensor whose channels fill whole vectors."""
    shape, each = graph.shapes[name], stored_as(graph.types.get(name, FLOAT32)).itemsize
    if len(shape) < 2:
        return prod(shape) * lanes * each
    return shape[0] * -(-shape[1] // lanes) * lanes * prod(shape[2:]) * each
