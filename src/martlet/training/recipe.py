"""A training recipe: every choice that decides the final weights, besides network and data.

Its fields, and those that it inherits, are the only place of a training option: type, default,
help, range. A field's order in tables and help is that of the files: optimization_fields,
target_fields, transfer_fields, picture_fields, box_fields, recording_fields, and this one.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Literal

from martlet.arguments import check_options, option
from martlet.errors import MartletError
from martlet.training.box_fields import BoxFields
from martlet.training.optimization_fields import OptimizationFields
from martlet.training.picture_fields import PictureFields, check_pictures
from martlet.training.ranges import SEED
from martlet.training.recording_fields import RecordingFields
from martlet.training.target_fields import TargetFields
from martlet.training.transfer_fields import TransferFields, check_transfer

# What a recipe without these fields was: recordings stayed as they are, pictures had resized crops,
# and there was one optimiser.
WITHOUT = {
    "time_warp": 0.0,
    "scaling": 0.0,
    "jitter": 0.0,
    "crop_scale": 0.35,
    "pad_crop": 0,
    "box_crop": 0.0,
    "zoom_out": 0.0,
    "optimizer": "sgd",
}
PER_64 = {"sgd": 0.1, "muon": 0.1, "rmsprop": 0.004}  # learning rate for 64 pictures a step
MUON = 0.05  # that of the matrices
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Recipe(
    RecordingFields, BoxFields, PictureFields, TransferFields, TargetFields, OptimizationFields
):
    """Checked on creation; raises MartletError that names the field, its value and the range.

    Fields of which None is the default are None only until `filled` has put in what fits the rest;
    muon_lr stays None for other optimisers.
    A checkpoint without a field that was added later is read as one that was trained without it.
    """

    seed: int = option(0, "Same seed, same weights, on a CPU with as many threads.", SEED)
    compile: Literal["auto", "on", "off"] = option(
        "auto", "torch.compile; auto: where it pays for itself."
    )
    precision: Literal["float32", "bfloat16"] = option(
        "float32", "Of the forward pass; bfloat16 needs a CPU or GPU for it."
    )
    tiles: Literal["auto", "on", "off"] = option(
        "auto",
        "Scenes: windows share what is computed of a tile; auto: where it pays, no flips.",
        only="scenes",
    )

    def __post_init__(self) -> None:
        check_options(self)
        check_pictures(self)
        check_transfer(self)

    def filled(
        self,
        drop_rate: float,
        pictures: int,
        published: bool = False,
        usual: Mapping[str, Any] = NOTHING,
    ) -> "Recipe":
        """The recipe alone, with what was left open: the learning rate, this `drop_rate`, and
        what is `usual` for the kind of data.

        The peak learning rate is 0.1 per 64 pictures of a step for SGD, also that of Muon, 0.004
        for RMSprop (0.064 for 1,024, as torchvision and timm trained MobileNetV3), and 0.002 for
        AdamW; that of Muon's matrices, whose moves have one size whatever the batch, is 0.05, or as
        many times that as the given rate is of the one that fits. For `published` weights a tenth
        of that, as is usual. For those of an own run the full rate was the best of five on two sets
        (benchmarks/fine_tuning.py). A step has no more than `pictures`.
        """
        values = {field.name: getattr(self, field.name) for field in fields(Recipe)}
        usual = {**WITHOUT, **usual, "drop_rate": drop_rate}
        optimizer = values["optimizer"] or usual["optimizer"]
        step = min(min(self.batch_size, pictures) * self.accumulate, pictures)
        share = 0.1 if published else 1
        fits = share * (2e-3 if optimizer == "adamw" else PER_64[optimizer] * step / 64)
        usual["lr"] = fits
        if optimizer == "muon":
            usual["muon_lr"] = MUON * share * ((self.lr or fits) / fits)
        for name, value in usual.items():
            values[name] = value if values[name] is None else values[name]
        return Recipe(**values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """The recipe with these values, and the defaults of fields that they lack.

        Raises MartletError for a field that this version does not know.
        """
        odd = sorted(set(values) - {field.name for field in fields(cls)})
        if odd:
            raise MartletError(
                f"the recipe has {', '.join(odd)}, unknown to this version: it is of a newer "
                "martlet; upgrade, or train again."
            )
        return cls(**{**WITHOUT, **values})

    def differences(self, other: "Recipe") -> list[str]:
        """The fields in which two recipes differ, as "epochs: 10 / 20"."""
        mine, theirs = self.to_dict(), other.to_dict()
        return [
            f"{name}: {mine[name]} / {theirs[name]}" for name in mine if mine[name] != theirs[name]
        ]
