"""How a program runs: what the passes of `schedule` decide and the C text is written from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from martlet.compiler.ir.program import Layer


@dataclass(frozen=True)
class PackedWeights:
    """One layer's part of the arena of weights."""

    offsets: tuple[int, ...] = ()  # floats from the arena's begin to each of its arrays
    begin: int = 0  # bytes of the arena in front of what this layer adds
    end: int = 0

    @property
    def size(self) -> int:
        """Bytes that the layer adds; arrays that are there already add none."""
        return self.end - self.begin


@dataclass(frozen=True)
class WeightArena:
    """All layers' weights, one behind the other, each array at the begin of a cache line."""

    data: bytes = b""
    layers: Mapping["Layer", PackedWeights] = field(default_factory=dict)
