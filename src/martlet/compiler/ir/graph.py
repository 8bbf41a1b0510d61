"""A network as the compiler sees it: nodes, constants, and a shape for every tensor."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError

Shape = tuple[int, ...]
Constant = NDArray[Any]
NumberType = np.dtype[Any]  # of the numbers that a tensor or buffer holds
FLOAT32: NumberType = np.dtype(np.float32)
TRUTH: NumberType = np.dtype(np.bool_)
WHOLE: tuple[NumberType, ...] = tuple(
    np.dtype(f"{sign}int{bits}") for bits in (8, 16, 32, 64) for sign in ("", "u")
)
EXACT_WHOLE = 1 << 24  # up to which float32 holds every whole number


def stored_as(kind: NumberType) -> NumberType:
    """The type in which a tensor of this type lies in the workspace.

    Truth values are 0 and 1 in float, and whole numbers are floats, exact up to EXACT_WHOLE.
    """
    return FLOAT32 if kind == TRUTH or kind in WHOLE else kind


def shape_text(shape: Shape) -> str:
    """A shape for people: 3×32×32, or 1 for a single number."""
    return "×".join(map(str, shape)) or "1"


@dataclass
class Node:
    """One operator. `inputs` may hold "" for an optional input that is left out."""

    op: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)

    def fail(self, problem: str) -> MartletError:
        """The error that says what is wrong with this node."""
        return MartletError(f"node {self.name!r} ({self.op}) cannot be compiled: {problem}.")


@dataclass
class Graph:
    """Nodes in the order of their calls; every tensor's shape and type is known."""

    name: str
    nodes: list[Node]
    inputs: list[str]
    outputs: list[str]
    constants: dict[str, Constant]
    shapes: dict[str, Shape]
    types: dict[str, NumberType]

    def uses(self) -> Counter[str]:
        """How often each tensor is read; being an output of the network counts."""
        used = Counter(name for node in self.nodes for name in node.inputs if name)
        used.update(self.outputs)
        return used

    def producers(self) -> dict[str, Node]:
        """The node that makes each tensor."""
        return {name: node for node in self.nodes for name in node.outputs if name}

    def consumers(self) -> dict[str, list[Node]]:
        """The nodes that read each tensor."""
        readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(filter(None, node.inputs)):
                readers.setdefault(name, []).append(node)
        return readers

    def constant(self, node: Node, index: int) -> Constant | None:
        """The value of an input that is known now, or None when it is left out.

        Raises MartletError when it is computed at run time.
        """
        if index >= len(node.inputs) or not node.inputs[index]:
            return None
        name = node.inputs[index]
        if name not in self.constants:
            raise node.fail(f"its input {name!r} must be a constant")
        return self.constants[name]
