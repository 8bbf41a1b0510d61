"""How a picture with boxes becomes a network's input: all of it, squashed to a square."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from martlet.data.pictures.preprocess import Preprocess


@dataclass(frozen=True)
class BoxPreprocess(Preprocess):
    """As of pictures; nothing is cut off, so that every box stays in the picture.

    Boxes go along: their corners are scaled as the sides are.
    """

    rule: Literal["crop", "squash"] = "squash"
    crop_pct: float = 1.0

    @property
    def kind(self) -> str:
        return "boxes"

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, **super().to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "BoxPreprocess":
        given = {name: value for name, value in values.items() if name != "kind"}
        found = super().from_dict(given)
        assert isinstance(found, cls)
        return found
