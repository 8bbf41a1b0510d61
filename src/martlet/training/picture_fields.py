"""Options of a recipe that say what training does to pictures."""

from dataclasses import dataclass

from martlet.arguments import option
from martlet.training.ranges import SHARE, SHARE_ABOVE_0


@dataclass(frozen=True, kw_only=True)
class PictureFields:
    """Some are of windows of scenes too."""

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
