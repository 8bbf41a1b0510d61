"""Detectors' heads: maps of several levels, each place by place, all behind one another.

Reshape, Transpose and Reshape of each, then Concat, as exporters write it, are one node here, so
that each number moves once.
"""

from collections.abc import Mapping
from math import prod

from martlet.compiler.ir.graph import Graph, Node
from martlet.compiler.ir.operators import SHAPING


def join_transposed(graph: Graph) -> None:
    """Concats of tensors whose channels were moved behind their places, as nodes JoinedPlaces.

    `channels`: for each input, which is what was transposed, how many of its first axes are
    channels, the batch of one among them.
    """
    makers, used = graph.producers(), graph.uses()
    for node in graph.nodes:
        if node.op != "Concat" or not node.outputs[0]:
            continue
        before = graph.shapes[node.outputs[0]][: node.attributes["axis"]]
        moves = [_transposed(graph, name, makers, used) for name in node.inputs]
        known = [move for move in moves if move is not None]
        if prod(before) != 1 or len(known) != len(moves):
            continue
        node.op, node.inputs = "JoinedPlaces", [name for name, _ in known]
        node.attributes = {"channels": [count for _, count in known]}


def _transposed(
    graph: Graph, name: str, makers: Mapping[str, Node], used: Mapping[str, int]
) -> tuple[str, int] | None:
    """What a tensor was before its channels went behind its places, and how many axes they are."""
    node = makers.get(name)
    while node is not None and node.op in SHAPING and used[name] == 1:
        name = node.inputs[0]
        node = makers.get(name)
    if node is None or node.op != "Transpose" or used[name] > 1:
        return None
    source, rank = node.inputs[0], len(graph.shapes[name])
    order = [int(axis) for axis in node.attributes.get("perm", range(rank)[::-1])]
    for channels in range(2, rank):
        moved = [0, *range(channels, rank), *range(1, channels)]
        if order == moved and graph.shapes[source][0] == 1 and source in makers:
            return source, channels
    return None
