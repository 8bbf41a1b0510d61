"""The walk from graph to program: it knows where tensors lie, and asks rules for the layers."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import (
    FLOAT32,
    WHOLE,
    Graph,
    Node,
    NumberType,
    Shape,
    stored_as,
)
from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.ir.tensor_view import Buffer, Maps, maps_in
from martlet.compiler.kernels.copy import Copy
from martlet.compiler.kernels.generic import Elementwise, Generic, Rows, rows_of
from martlet.compiler.lowering.channel_order import Slots
from martlet.compiler.lowering.views import MOST_NAMES, VIEWS, by_channel, view_of
from martlet.compiler.lowering.whole_numbers import check_whole_number
from martlet.compiler.targets import Target
from martlet.errors import MartletError

# What a rule makes of a node: its first output, all its outputs, or None when it is not its task.
Made = Maps | Rows
Rule = Callable[["Lowering", Node], Made | Mapping[str, Made] | None]
SIGNS = {"Mul": "*", "Add": "+", "Sub": "-", "Div": "/"}  # of operators, in C


@dataclass(frozen=True)
class Kernels:
    """Kernels of one kind: what makes layers of nodes, and which number types and targets it has.

    An operator is served where a rule stands for it; the rule may still leave a node to others.
    """

    name: str
    rules: Mapping[str, Rule]  # by operator
    dtypes: tuple[NumberType, ...] = (FLOAT32,)  # that their layers read and write
    serves: Callable[[Target], bool] = lambda _: True  # what C's own operators do, all


def rules_for(
    table: Sequence[Kernels], operator: str, dtype: NumberType, target: Target
) -> list[Rule]:
    """The rules for (operator, number type, target), those to be asked first in front."""
    return [
        kernels.rules[operator]
        for kernels in table
        if operator in kernels.rules and dtype in kernels.dtypes and kernels.serves(target)
    ]


class Lowering:
    """Walks the graph once; `maps` says where every tensor lies."""

    def __init__(
        self, graph: Graph, target: Target, slots: Slots, table: Sequence[Kernels]
    ) -> None:
        self.graph, self.target, self.slots, self.table = graph, target, slots, table
        self.consumers = graph.consumers()
        self.program = Program(graph.name, target.lanes, target.registers)
        served = (dtype for kernels in table if kernels.serves(target) for dtype in kernels.dtypes)
        self.served = list(dict.fromkeys(served))
        self.maps: dict[str, Maps] = {}
        self._taken = set[str]()  # names of layers in C
        self._rows: dict[str, Rows] = {}  # copies row by row that have been made

    def walk(self) -> None:
        """Add the layers of all nodes; for each the first rule that does not say None is taken."""
        for node in self.graph.nodes:
            self._check(node)
            self.maps.update(self._outputs(node))

    def held_as(self, kind: NumberType) -> NumberType:
        """The type in which tensors of this type lie in the workspace."""
        return kind if kind in self.served else stored_as(kind)

    def _check(self, node: Node) -> None:
        for name in node.outputs:
            kind = self.graph.types.get(name, FLOAT32)
            if name and self.held_as(kind) not in self.served:
                listed = ", ".join(map(str, self.served))
                raise node.fail(f"its output {name!r} is {kind}; values at run time are {listed}")
            known = any(node.op in kernels.rules for kernels in self.table)
            if name and known and kind in WHOLE and kind not in self.served:
                check_whole_number(node, name, kind)

    def _outputs(self, node: Node) -> Mapping[str, Maps]:
        named = view_of(self.graph, node, self.maps)
        if named is not None:
            return named
        dtype = self._dtype(node)
        for rule in rules_for(self.table, node.op, dtype, self.target):
            made = rule(self, node)
            if made is not None:
                outputs = made if isinstance(made, Mapping) else {node.outputs[0]: made}
                return {name: self._as_maps(name, it) for name, it in outputs.items() if name}
        raise self._refusal(node, dtype)

    def _as_maps(self, name: str, made: Made) -> Maps:
        """What a rule has made, by channel; a generic layer's result gets its shape here."""
        shape = self.graph.shapes[name]
        if isinstance(made, Rows):
            assert isinstance(made.source, Buffer)
            where = np.array([0, 0, made.start], np.int64)
            return Maps((made.source,), where, made.reshaped(shape).shape)
        assert made.shape == shape, (name, made.shape)
        return made

    def _dtype(self, node: Node) -> NumberType:
        """Of the first input that is known at run time only, else of the first output."""
        name = next((name for name in node.inputs if name in self.maps), node.outputs[0])
        return self.held_as(self.graph.types.get(name, FLOAT32))

    def _refusal(self, node: Node, dtype: NumberType) -> MartletError:
        supported = {op: kernels for kernels in self.table for op in kernels.rules}
        if node.op in supported and not rules_for(self.table, node.op, dtype, self.target):
            listed = [str(t) for t in self.served if rules_for(self.table, node.op, t, self.target)]
            return node.fail(
                f"no kernel for it in {dtype} serves target={self.target.name!r}; accepted: "
                f"{', '.join(listed) or 'another target'}"
            )
        if node.op in supported:
            return node.fail("this use of the operator is not supported")
        missing = Counter(n.op for n in self.graph.nodes if n.op not in {*supported, *VIEWS})
        others = ", ".join(f"{op} ({n})" for op, n in missing.most_common() if op != node.op)
        also = f", nor are others of the network: {others}" if others else ""
        return node.fail(
            f"the operator is not supported{also}; docs/compiling.md lists those that are"
        )

    def add(self, layer: Layer) -> None:
        """Append a layer, with a name that is its own in C, where fewer characters are allowed."""
        while layer.c_name in self._taken:
            layer.name = f"{layer.name}_layer{len(self.program.layers)}"
        self._taken.add(layer.c_name)
        self.program.layers.append(layer)

    def copy(self, name: str, x: Maps, target: Maps) -> None:
        """Add a copy; the tensors may name different numbers of axes."""
        axes = max(len(x.axes), len(target.axes))
        source, goal = by_channel(x, axes), by_channel(target, axes)
        assert source is not None
        assert goal is not None
        self.add(Copy(name, source, goal))

    def in_rows(self, shape: Shape, outside: str = "", dtype: NumberType = FLOAT32) -> Maps:
        """A new tensor in one piece, row by row; `outside` names the caller's array."""
        buffer = self.program.buffer(1, shape, 1, outside, dtype)
        return maps_in(buffer, [0], ())

    def placed(self, name: str) -> Maps:
        """Where a tensor lies; a constant is copied into the workspace first."""
        if name not in self.maps:
            value = self.graph.constants[name]
            target = self.in_rows(value.shape)
            rows = rows_of(value, value.shape)
            self.add(Elementwise(f"{name} constant", "{0}", [rows], target.buffers[0]))
            self.maps[name] = target
        return self.maps[name]

    def channels(self, name: str, axes: int = 2) -> Maps | None:
        """A tensor whose first axes name channels; None when it does not lie so, or is constant."""
        x = self.maps.get(name)
        return None if x is None or prod(x.shape[:axes]) > MOST_NAMES else by_channel(x, axes)

    def rows(self, name: str) -> Rows:
        """A tensor row by row, for a generic layer: as it is, a constant, or copied."""
        shape = self.graph.shapes[name]
        if name in self.graph.constants and name not in self.maps:
            return rows_of(self.graph.constants[name], shape)
        if name not in self._rows:
            x = self.maps[name]
            whole = by_channel(x, 0) if x.lanes == 1 else None
            if whole is None:
                whole = self.in_rows(shape, dtype=x.dtype)
                self.copy(f"{name} in rows", x, whole)
            buffer, slot, place = whole.channels()[0]
            self._rows[name] = rows_of(buffer, shape, slot * buffer.places + place)
        return self._rows[name]

    def shape(self, node: Node) -> Shape:
        """Of a node's first output."""
        return self.graph.shapes[node.outputs[0]]

    def result(self, shape: Shape) -> Buffer:
        """Memory for the result of a generic layer."""
        return self.program.buffer(1, shape, 1)

    def made(self, layer: Generic) -> Rows:
        """Add a generic layer; returns its result."""
        self.add(layer)
        return rows_of(layer.y, layer.y.spatial)

    def calculate(self, name: str, formula: str, operands: Sequence[Rows], shape: Shape) -> Rows:
        """Add an elementwise layer; returns its result."""
        return self.made(Elementwise(name, formula, operands, self.result(shape)))

    def weight(self, node: Node, place: int) -> NDArray[Any] | None:
        """An input that is a constant, or None."""
        if place >= len(node.inputs):
            return None
        return self.graph.constants.get(node.inputs[place])

    def reachable(self, node: Node, x: Maps) -> Maps:
        """`x` as it is when one pointer and one step reach all its channels, else a copy."""
        alike = len({(buffer.base, buffer.lanes) for buffer in x.buffers}) == 1
        return x if alike else self.to_blocks(node, x)

    def inside(self, node: Node, x: Maps) -> Maps:
        """`x` as it is when it lies in the workspace, else a copy."""
        return self.to_blocks(node, x) if any(buffer.outside for buffer in x.buffers) else x

    def is_in_rows(self, x: Maps) -> bool:
        """Whether `x` is better taken row by row; without vectors a block is one channel."""
        blocked = self.program.lanes == 1 and x.in_slots().is_blocked(1)
        return x.lanes == 1 and not blocked

    def in_blocks(self, node: Node, x: Maps) -> Maps:
        """`x` as it is when it lies in blocks of vectors, each channel once; else a copy."""
        x = x.in_slots()
        blocked = x.is_blocked(self.program.lanes) and len(set(x.channels())) == prod(x.axes)
        return x if blocked else self.to_blocks(node, x)

    def gathered(self, node: Node, name: str) -> Maps | None:
        """A tensor whose maps do not lie place by place, copied into blocks; None for constants."""
        x, shape = self.maps.get(name), self.graph.shapes[name]
        if x is None or len(shape) < 2:
            return None
        slots = prod(shape[:2])
        target = maps_in(self.program.buffer(slots, shape[2:]), range(slots), shape[:2])
        self.copy(f"{node.name} blocks", x, target)
        return target

    def to_blocks(self, node: Node, x: Maps) -> Maps:
        """A copy in blocks, channels in order."""
        slots = prod(x.axes)
        buffer = self.program.buffer(slots, x.spatial, dtype=x.dtype)
        target = maps_in(buffer, range(slots), x.axes)
        self.copy(f"{node.name} blocks", x, target)
        return target
