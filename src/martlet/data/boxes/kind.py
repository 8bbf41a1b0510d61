"""Pictures with boxes as a kind of data."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from martlet.data.boxes.preprocess import BoxPreprocess
from martlet.data.boxes.samples import BoxSamples
from martlet.data.kind import Check, Kind, Progress
from martlet.data.pictures.kind import to_input
from martlet.data.pictures.sources import find_sources
from martlet.errors import MartletError

if TYPE_CHECKING:
    from martlet.data.boxes.augment import Augment

# Of a recipe, where it says nothing else.
USUAL: Mapping[str, Any] = {"optimizer": "muon", "box_crop": 0.5, "zoom_out": 0.3}


def prepare(options: Any, before: Any, known: Mapping[str, Any]) -> BoxPreprocess:
    """The Preprocess of a new run, with mean and deviation of the weights that it starts from."""
    channels: Any = options.channels or "RGB"
    settings = {name: known[name] for name in ("mean", "std") if name in known}
    if before is not None and getattr(before, "channels", None) == channels:
        settings = {"mean": before.mean, "std": before.std}
    return BoxPreprocess(size=options.image_size, channels=channels, **settings)


def read(
    data: Path,
    preprocess: BoxPreprocess,
    *,
    options: Any = None,
    max_bad: float,
    min_classes: int,
    check: Check | None = None,
    progress: Progress | None,
) -> BoxSamples:
    """Read the annotations that `options.boxes` names, and open the pixel cache of the pictures.

    One class is enough: there is always the background beside it.
    """
    from martlet.data.boxes.read import read_boxes  # parsers that other kinds do not need

    if options.boxes is None:
        raise MartletError(
            "boxes is missing: the network finds boxes, and these are scored by annotations; give "
            "their folder or file as boxes."
        )
    listing = read_boxes(data, options.boxes, boxes_for=options.boxes_for)
    if check is not None:
        check(listing.classes)
    return BoxSamples.build(listing, preprocess, max_bad=max_bad, progress=progress)


def augment(preprocess: BoxPreprocess, recipe: Any) -> "Augment":
    """What the recipe says, on one picture and its boxes."""
    from martlet.data.boxes.augment import build_augment

    return build_augment(
        preprocess.size,
        flip=recipe.flip,
        box_crop=recipe.box_crop,
        zoom_out=recipe.zoom_out,
        mosaic=recipe.mosaic,
        color_jitter=recipe.color_jitter,
    )


BOXES = Kind(
    name="boxes",
    data="boxes",
    noun="pictures",
    prepare=prepare,
    preprocess=BoxPreprocess.from_dict,
    read=read,
    find=find_sources,
    augment=augment,  # type: ignore[arg-type]  # boxes change with their picture
    to_input=to_input,
    task="detection",
    usual=lambda preprocess, recipe: USUAL,
)
