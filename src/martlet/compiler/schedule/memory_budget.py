"""The arena's budget: how large a workspace may be before memory is worth more than speed."""

from heapq import heappop, heappush
from math import prod

from martlet.compiler.ir.graph import FLOAT32, Graph, stored_as

BUDGET = 1.25  # times the two largest tensors that are needed at the same time


def bound(graph: Graph, lanes: int) -> int:
    """Bytes of the two largest tensors that are needed at the same time, and a quarter more."""
    last = {name: number for number, node in enumerate(graph.nodes) for name in node.inputs if name}
    outside, live, most = {*graph.inputs, *graph.outputs}, list[tuple[int, int]](), 0
    for number, node in enumerate(graph.nodes):
        for name in node.outputs:
            if name and name not in outside:
                size, end = _bytes(graph, name, lanes), last.get(name, number)
                heappush(live, (-size, end))
        most = max(most, _two_largest(live, number))
    return int(BUDGET * most)


def _two_largest(live: list[tuple[int, int]], now: int) -> int:
    """Their sum, of a heap of (-bytes, last use): those on top that are no longer needed go."""
    found = list[tuple[int, int]]()
    while live and len(found) < 2:
        largest = heappop(live)
        if largest[1] >= now:
            found.append(largest)
    for one in found:
        heappush(live, one)
    return -sum(size for size, _ in found)


def _bytes(graph: Graph, name: str, lanes: int) -> int:
    """Of a tensor whose channels fill whole vectors."""
    shape, each = graph.shapes[name], stored_as(graph.types.get(name, FLOAT32)).itemsize
    if len(shape) < 2:
        return prod(shape) * lanes * each
    return shape[0] * -(-shape[1] // lanes) * lanes * prod(shape[2:]) * each
