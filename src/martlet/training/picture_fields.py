"""Options of a recipe that say what training does to pictures."""

from dataclasses import dataclass
from typing import Any, Literal

from martlet.arguments import Range, option
from martlet.errors import MartletError
from martlet.training.ranges import AT_LEAST_0, AT_LEAST_1, SHARE, SHARE_ABOVE_0

MAGNITUDE = Range("0 to 30", lambda value: 0 <= value <= 30)


@dataclass(frozen=True, kw_only=True)
class PictureFields:
    """Some are of windows of scenes and of recordings too."""

    crop_scale: float | None = option(
        None,
        "Pictures: smallest share of the area in a training crop (default: 0.35).",
        SHARE_ABOVE_0,
        only="pictures",
    )
    pad_crop: int | None = option(
        None,
        "Pictures: pixels added on each side before a crop at random, which is not resized; 0: "
        "resized crops by crop_scale (default: an eighth of sides up to 32, unless crop_scale is "
        "given; else 0).",
        AT_LEAST_0,
        only="pictures",
    )
    pad_mode: Literal["reflect", "zero"] = option(
        "reflect", "Pictures: what pad_crop adds: the picture mirrored, or black.", only="pictures"
    )
    flip: bool = option(
        True,
        "Pictures, boxes: mirrored left and right at random in training. Scenes: windows, in both "
        "directions.",
        only=("pictures", "boxes", "scenes"),
    )
    flip_alternating: bool = option(
        False,
        "Pictures: each is mirrored in every second epoch instead of at random.",
        only="pictures",
    )
    color_jitter: float = option(
        0.0,
        "Pictures, boxes: deviation of brightness, contrast and saturation from 1 in training.",
        SHARE,
        only=("pictures", "boxes"),
    )
    trivial_augment: bool = option(False, "Pictures: TrivialAugment in training.", only="pictures")
    rand_augment: int = option(
        0, "Pictures: magnitude of RandAugment in training; 0: without.", MAGNITUDE, only="pictures"
    )
    rand_augment_ops: int = option(
        2, "Pictures: operations of RandAugment on each.", AT_LEAST_1, only="pictures"
    )
    erase: float = option(
        0.0, "Pictures: probability of erasing a rectangle in training.", SHARE, only="pictures"
    )
    augment_on: Literal["cpu", "device"] = option(
        "cpu",
        "Pictures: where they are cropped and mirrored in training; device: all lie there, and "
        "random numbers are others.",
        only="pictures",
    )
    repeated_augmentation: int = option(
        1,
        "Pictures, boxes, recordings: copies of each in a batch, augmented differently; an epoch "
        "stays as long.",
        AT_LEAST_1,
        only=("pictures", "boxes", "recordings"),
    )
    progressive: float = option(
        1.0,
        "Pictures: share of the side that training starts with; full from 70 % of the run on.",
        SHARE_ABOVE_0,
        only="pictures",
    )


def check_pictures(recipe: Any) -> None:
    """Raises MartletError for options of pictures that exclude each other."""
    if recipe.rand_augment and recipe.trivial_augment:
        raise MartletError(
            f"rand_augment={recipe.rand_augment} and trivial_augment=True exclude each other; "
            "give one of them."
        )
    if recipe.flip_alternating and not recipe.flip:
        raise MartletError(
            "flip_alternating=True and flip=False contradict each other; leave one of them out."
        )
    if recipe.repeated_augmentation > recipe.batch_size:
        raise MartletError(
            f"repeated_augmentation={recipe.repeated_augmentation} is more copies than a batch of "
            f"batch_size={recipe.batch_size} has room for; give at most {recipe.batch_size}."
        )
    beyond = ("color_jitter", "trivial_augment", "rand_augment", "erase")
    given = [name for name in beyond if getattr(recipe, name)]
    if recipe.augment_on == "device" and given:
        raise MartletError(
            f"augment_on='device' crops and mirrors alone, and {' and '.join(given)} need "
            "augment_on='cpu'; leave one of them out."
        )
    if recipe.progressive < 1 and recipe.compile == "on":
        raise MartletError(
            f"progressive={recipe.progressive} and compile='on' exclude each other: inputs change "
            "their size, and each size would be compiled anew; give one of them."
        )
