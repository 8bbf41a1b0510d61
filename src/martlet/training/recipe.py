"""A training recipe: every choice that decides the final weights, besides network and data."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from math import isfinite
from typing import Any, Literal

from martlet.errors import MartletError

Optimizer = Literal["sgd", "adamw"]
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Recipe:
    """Checked on creation; raises MartletError that names the field, its value and the range."""

    epochs: int
    batch_size: int
    lr: float  # peak learning rate
    warmup_epochs: float
    optimizer: Optimizer
    momentum: float  # of SGD (Nesterov); AdamW keeps its own betas
    weight_decay: float  # not applied to biases and batch norm
    label_smoothing: float
    drop_rate: float  # dropout before the classifier
    crop_scale: float  # smallest share of the picture's area that a training crop covers
    flip: bool  # mirror left and right at random
    trivial_augment: bool  # TrivialAugmentWide on every picture
    erase: float  # probability of erasing a random rectangle
    ema: float  # decay of the averaged weights per step, 0: off
    seed: int
    precision: Precision  # of the forward pass; weights and optimiser stay float32
    compiled: bool  # torch.compile for the training step

    def __post_init__(self) -> None:
        def check(name: str, accepted: str, fine: bool) -> None:
            value = getattr(self, name)
            if not fine or (isinstance(value, float) and not isfinite(value)):
                raise MartletError(f"{name}={value} is not accepted; give {accepted}.")

        check("epochs", "1 or more", self.epochs >= 1)
        check("batch_size", "2 or more (batch norm needs two pictures)", self.batch_size >= 2)
        check("lr", "a number above 0", self.lr > 0)
        check("warmup_epochs", "0 or more", self.warmup_epochs >= 0)
        check("optimizer", "sgd or adamw", self.optimizer in ("sgd", "adamw"))
        check("momentum", "0 up to (not including) 1", 0 <= self.momentum < 1)
        check("weight_decay", "0 or more", self.weight_decay >= 0)
        check("label_smoothing", "0 up to (not including) 1", 0 <= self.label_smoothing < 1)
        check("drop_rate", "0 up to (not including) 1", 0 <= self.drop_rate < 1)
        check("crop_scale", "above 0, at most 1", 0 < self.crop_scale <= 1)
        check("erase", "0 to 1", 0 <= self.erase <= 1)
        check("ema", "0 up to (not including) 1", 0 <= self.ema < 1)
        check("precision", "float32 or bfloat16", self.precision in ("float32", "bfloat16"))
        check("seed", "0 up to 2**32 - 1", 0 <= self.seed < 2**32)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """The recipe with these values; raises MartletError when fields are missing or unknown.

        A field that is added later gets a default, the behaviour before it, so that checkpoints
        without it stay readable.
        """
        names = {field.name for field in fields(cls)}
        needed = {field.name for field in fields(cls) if field.default is MISSING}
        odd = sorted((set(values) - names) | (needed - set(values)))
        if odd:
            raise MartletError(f"recipe fields {odd} are missing or unknown to this version.")
        return cls(**values)

    def differences(self, other: "Recipe") -> list[str]:
        """The fields in which two recipes differ, as "epochs: 10 / 20"."""
        mine, theirs = self.to_dict(), other.to_dict()
        return [
            f"{name}: {mine[name]} / {theirs[name]}" for name in mine if mine[name] != theirs[name]
        ]
