"""Options of `train` that say whose answers a network learns from."""

from dataclasses import dataclass
from pathlib import Path

from martlet.arguments import Range, option

MODULE = Range("a path, or an nn.Module from Python", lambda value: True)


@dataclass(frozen=True, kw_only=True)
class TeacherFields:
    """The teacher; how much of it is learnt is the recipe's."""

    teacher: Path | object = option(
        None,
        "Learn from the answers of this run or model.safetensors, too; its classes must be ours.",
        MODULE,
    )
