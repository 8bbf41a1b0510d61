"""What an experiment of speed is: networks or stacks of layers, timed beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from martlet.workflows.reproduce.experiment import Claim, Heading

IMAGES, MILLISECONDS = "images per second", "milliseconds"


@dataclass(frozen=True, kw_only=True)
class SpeedRow:
    """What is timed, and what the paper measured.

    Attributes:
        name: as tables and claims call it.
        model, options: a network, and options of `create_model`.
        stack, sizes: in its place the stack of a guideline (shufflenet_v2_guidelines.py).
        side: of the picture, in pixels, or (height, width); a stack has its own.
        paper: the printed figure, in the unit of the experiment.
        group: rows of one group are compared with the first of them.
    """

    name: str
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    stack: str | None = None
    sizes: Mapping[str, Any] = field(default_factory=dict)
    side: Sequence[int] = ()
    paper: float | None = None
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class SpeedSize:
    """How long, and with what: `seconds` of each engine and row, spread over `rounds` turns.

    `batch` holds inputs of a call; `threads` are measured one after the other. `minutes` is what
    all of it was measured to take.
    """

    name: str
    engines: Sequence[str] = ("torch", "onnxruntime", "c")
    threads: Sequence[int] = (1, 2)
    batch: int = 1
    seconds: float = 2.0
    rounds: int = 7
    minutes: float | None = None


@dataclass(frozen=True, kw_only=True)
class SpeedExperiment(Heading):
    """A paper's table of speed; attributes as of an Experiment."""

    unit: str
    figure: str  # IMAGES or MILLISECONDS
    rows: Sequence[SpeedRow]
    claims: Sequence[Claim]
    sizes: Mapping[str, SpeedSize]

    def first_of(self, row: SpeedRow) -> SpeedRow:
        """The row that this one is compared with."""
        return next(other for other in self.rows if other.group == row.group)
