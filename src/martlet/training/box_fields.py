"""Options of a recipe that say what training does to pictures with boxes."""

from dataclasses import dataclass

from martlet.arguments import option
from martlet.training.ranges import SHARE


@dataclass(frozen=True, kw_only=True)
class BoxFields:
    """How often each is done to a picture; flip and color_jitter are those of pictures."""

    box_crop: float | None = option(
        None,
        "Boxes: how often a part of the picture that overlaps a box is cut out (default: 0.5).",
        SHARE,
        only="boxes",
    )
    zoom_out: float | None = option(
        None,
        "Boxes: how often the picture is put into a larger gray one (default: 0.3).",
        SHARE,
        only="boxes",
    )
    mosaic: float = option(0.0, "Boxes: how often four pictures make one.", SHARE, only="boxes")
