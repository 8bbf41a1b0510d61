"""Graph to program: which kernel does each node, and where its channels lie."""

from collections.abc import Callable
from math import prod

import numpy as np

from swiftlet.compiler import kernels
from swiftlet.compiler.graph import Graph, Node
from swiftlet.compiler.program import Buffer, Maps, Program

NAMES_ONLY = ("Reshape", "Transpose", "Unsqueeze", "Squeeze", "Flatten", "Concat", "Split", "Slice", "Gather")


class Lowering:
    """Walks the graph once; `maps` says where every tensor lies."""

    def __init__(self, graph: Graph, lanes: int, registers: int) -> None:
        self.graph = graph
        self.program = Program(graph.name, lanes, registers)
        self.maps: dict[str, Maps] = {}
        self.readers = graph.consumers()

    def run(self) -> Program:
        """The whole program."""
        graph, program = self.graph, self.program
        for number, name in enumerate(graph.inputs):
            shape = graph.shapes[name]
            program.inputs.append((name, shape))
            self.maps[name] = self.plain(shape, f"input{number}")
        for node in graph.nodes:
            self.lower(node)
        for number, name in enumerate(graph.outputs):
            shape = graph.shapes[name]
            program.outputs.append((name, shape))
            target = self.plain(shape, f"output{number}")
            kernels.copy(self, f"{name} to output", self.maps[name], target, counted=False)
        return program

    def plain(self, shape: tuple[int, ...], outside: str = "") -> Maps:
        """A tensor in one piece, row by row, as the caller knows it."""
        axes = 2 if len(shape) > 2 else len(shape)
        channels, spatial = shape[:axes], shape[axes:]
        buffer = self.program.buffer(prod(channels), prod(spatial), 1, outside)
        return maps_of(buffer, range(prod(channels)), channels, spatial)

    def lower(self, node: Node) -> None:
        """Make the steps of one node, or rename channels."""
        if node.op in NAMES_ONLY and self.rename(node):
            return
        rule: Callable[[Lowering, Node], Maps] | None = kernels.RULES.get(node.op)
        if rule is None:
            raise node.fail(f"the operator is not supported; supported are {', '.join(sorted(kernels.RULES))}")
        self.maps[node.outputs[0]] = rule(self, node)

    def rename(self, node: Node) -> bool:
        """Do the node by naming channels anew, if it leaves every map as it is."""
        graph = self.graph
        x = self.maps.get(node.inputs[0])
        if x is None:
            return False
        shape = graph.shapes[node.outputs[0]]
        where = x.where
        if x.places == 1:  # each value is a map; axes of one place can be channel axes
            where = where.reshape(*x.shape, 2)
            spatial: tuple[int, ...] = ()
        else:
            spatial = x.spatial
        kept = len(spatial)
        if spatial and shape[len(shape) - kept :] != spatial:
            return False
        axes = where.ndim - 1  # channel axes
        match node.op:
            case "Reshape" | "Flatten" | "Unsqueeze" | "Squeeze":
                where = where.reshape(*shape[: len(shape) - kept], 2)
            case "Transpose":
                rank = len(graph.shapes[node.inputs[0]])
                order = list(node.attributes.get("perm", range(rank)[::-1]))
                if spatial and order[rank - kept :] != list(range(rank - kept, rank)):
                    return False
                where = where.transpose(*order[: rank - kept], axes)
            case "Concat":
                return self._concat(node, spatial)
            case "Split":
                return self._split(node, where, spatial, x.buffers)
            case "Gather":
                axis = int(node.attributes.get("axis", 0)) % (axes + kept)
                index = graph.constant(node, 1)
                if axis >= axes or index is None:
                    return False
                where = np.take(where, index, axis)
            case _:
                return False
        self.maps[node.outputs[0]] = Maps(x.buffers, where, spatial)
        return True

    def _concat(self, node: Node, spatial: tuple[int, ...]) -> bool:
        parts = [self.maps[name] for name in node.inputs]
        axis = int(node.attributes["axis"]) % len(parts[0].shape)
        if axis >= len(parts[0].shape) - len(spatial) or len({p.lanes for p in parts}) > 1:
            return False
        buffers: list[Buffer] = []
        named = []
        for part in parts:
            where = part.where.reshape(*part.shape[: len(part.shape) - len(spatial)], 2).copy()
            numbers = []
            for buffer in part.buffers:
                if buffer not in buffers:
                    buffers.append(buffer)
                numbers.append(buffers.index(buffer))
            where[..., 0] = np.array(numbers)[where[..., 0]]
            named.append(where)
        joined = np.concatenate(named, axis)
        self.maps[node.outputs[0]] = Maps(tuple(buffers), joined, spatial)
        return True

    def _split(self, node: Node, where: np.ndarray, spatial: tuple[int, ...], buffers: tuple[Buffer, ...]) -> bool:
        axis = int(node.attributes.get("axis", 0)) % (where.ndim - 1 + len(spatial))
        if axis >= where.ndim - 1:
            return False
        sizes = [self.graph.shapes[name][axis] for name in node.outputs]
        parts = np.split(where, np.cumsum(sizes)[:-1], axis)
        for name, part in zip(node.outputs, parts, strict=True):
            self.maps[name] = Maps(buffers, part, spatial)
        return True


def maps_of(buffer: Buffer, slots: "range | list[int]", channels: tuple[int, ...], spatial: tuple[int, ...]) -> Maps:
    """A tensor whose channels lie in these slots of one buffer."""
    where = np.array([(0, buffer.offset(slot)) for slot in slots], np.int64)
    return Maps((buffer,), where.reshape(*channels, 2), spatial)
