"""A training recipe: every choice that decides the final weights, besides network and data.

Its fields are the only place of a training option: type, default, help, range.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Literal

from martlet.arguments import Range, check_options, option
from martlet.errors import MartletError

AT_LEAST_0 = Range("0 or more", lambda value: value >= 0)
AT_LEAST_1 = Range("1 or more", lambda value: value >= 1)
ABOVE_0 = Range("a number above 0", lambda value: value > 0)
BELOW_1 = Range("0 up to (not including) 1", lambda value: 0 <= value < 1)
SHARE = Range("0 to 1", lambda value: 0 <= value <= 1)
SHARE_ABOVE_0 = Range("above 0, at most 1", lambda value: 0 < value <= 1)
TWO_INPUTS = Range("2 or more (batch norm needs two inputs)", lambda value: value >= 2)
DEGREES = Range("0 to 180", lambda value: 0 <= value <= 180)
AT_MOST_HALF = Range("0 to 0.5", lambda value: 0 <= value <= 0.5)
PLAIN_NAME = Range(
    "a name without / and \\, which is not . or ..",
    lambda value: value not in ("", ".", "..") and not set("/\\\0") & set(value),
)
WITHOUT = {"time_warp": 0.0, "scaling": 0.0, "jitter": 0.0}  # what leaves samples as they are
NOTHING: Mapping[str, Any] = MappingProxyType({})
SEED = Range("0 up to 2**32 - 1", lambda value: 0 <= value < 2**32)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Checked on creation; raises MartletError that names the field, its value and the range.

    Fields of which None is the default are None only until `filled` has put in what fits the rest.
    A checkpoint without a field that was added later is read as one that was trained without it.
    """

    epochs: int = option(30, "Times that the network sees every training input.", AT_LEAST_1)
    batch_size: int = option(32, "Inputs per step.", TWO_INPUTS)
    lr: float = option(None, "Peak learning rate (default: fits optimizer and batch).", ABOVE_0)
    optimizer: Literal["sgd", "adamw"] = option("sgd", "The optimiser.")
    momentum: float = option(0.9, "Momentum of SGD (Nesterov).", BELOW_1)
    weight_decay: float = option(5e-4, "Not applied to biases and batch norm.", AT_LEAST_0)
    warmup_epochs: float = option(2.0, "Epochs in which the learning rate rises.", AT_LEAST_0)
    label_smoothing: float = option(0.1, "Share of the target spread over all classes.", BELOW_1)
    drop_rate: float = option(
        None, "Dropout before the classifier (default: the network's).", BELOW_1
    )
    ema: float = option(0.0, "Decay of averaged weights per step; 0 turns averaging off.", BELOW_1)
    crop_scale: float = option(
        0.35,
        "Pictures: smallest share of the area in a training crop.",
        SHARE_ABOVE_0,
        only="pictures",
    )
    flip: bool = option(
        True,
        "Pictures: mirrored left and right at random in training. Scenes: windows, in both "
        "directions.",
        only=("pictures", "scenes"),
    )
    trivial_augment: bool = option(False, "Pictures: TrivialAugment in training.", only="pictures")
    erase: float = option(
        0.0, "Pictures: probability of erasing a rectangle in training.", SHARE, only="pictures"
    )
    half_turns: float = option(
        0.0,
        "Recordings: share of windows whose device is turned by half around an axis.",
        SHARE,
        only="recordings",
    )
    rotation: float = option(
        0.0,
        "Recordings: largest angle by which the device is turned, degrees.",
        DEGREES,
        only="recordings",
    )
    time_warp: float = option(
        None,
        "Recordings: deviation of the speed from 1 (default: 0.2).",
        AT_MOST_HALF,
        only="recordings",
    )
    time_crop: float = option(
        1.0,
        "Recordings: smallest share of a window drawn out to all of it.",
        SHARE_ABOVE_0,
        only="recordings",
    )
    scaling: float = option(
        None,
        "Recordings: deviation of each channel's size from 1 (default: 0.3).",
        AT_LEAST_0,
        only="recordings",
    )
    jitter: float = option(
        None,
        "Recordings: noise, in deviations of a channel (default: 0.2).",
        AT_LEAST_0,
        only="recordings",
    )
    drop_channels: float = option(
        0.0, "Recordings: share of channels left out.", BELOW_1, only="recordings"
    )
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

    def filled(
        self,
        drop_rate: float,
        pictures: int,
        published: bool = False,
        usual: Mapping[str, Any] = NOTHING,
    ) -> "Recipe":
        """The recipe alone, with what was left open: the learning rate, this `drop_rate`, and
        what is `usual` for the kind of data.

        The peak learning rate is 0.1 per 64 pictures of a step for SGD, and 0.002 for AdamW; for
        `published` weights a tenth of that, as is usual. For those of an own run the full rate was
        the best of five on two sets (benchmarks/fine_tuning.py). A step has no more than
        `pictures`.
        """
        values = {field.name: getattr(self, field.name) for field in fields(Recipe)}
        step = min(self.batch_size, pictures)
        lr = 0.1 * step / 64 if self.optimizer == "sgd" else 2e-3
        lr *= 0.1 if published else 1
        for name, value in {**WITHOUT, **usual, "lr": lr, "drop_rate": drop_rate}.items():
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
