"""Pictures as a kind of data: folders and lists, cached as pixels, and shards."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from numpy.typing import NDArray

from martlet.data.cache import PixelCache
from martlet.data.kind import Check, Kind, Progress
from martlet.data.pictures.grouping import NEAR_DUPLICATES, grouped_by
from martlet.data.pictures.list_file import Columns, is_list
from martlet.data.pictures.listed import scan_list
from martlet.data.pictures.near_duplicates import group_names
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.read import scan
from martlet.data.pictures.shards.places import is_shards
from martlet.data.pictures.shards.samples import ShardSamples, read_shards
from martlet.data.pictures.sources import find_sources
from martlet.errors import MartletError
from martlet.memory import bytes_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from martlet.data.batches import TrainBatches
    from martlet.data.loader import Loader
    from martlet.data.pictures.to_input import ToInput

SHIFTED = 32  # sides of pictures up to here, in pixels, that training shifts and does not resize
SMALL = 64  # sides of pictures up to here, in pixels, of which nothing is cropped off


def prepare(options: Any, before: Any, known: Mapping[str, Any]) -> Preprocess:
    """The Preprocess of a new run, as far as possible that of the weights that it starts from."""
    if (options.pad_crop or 0) >= options.image_size:
        raise MartletError(
            f"pad_crop={options.pad_crop} is not less than image_size={options.image_size}; a "
            "tenth of it is usual."
        )
    settings, channels = {"crop_pct": 0.875, **known}, cast(Any, options.channels or "RGB")
    if isinstance(before, Preprocess):
        settings["interpolation"] = before.interpolation
        if before.size > SMALL:
            settings["crop_pct"] = before.crop_pct
        if before.channels == channels:
            settings |= {"mean": before.mean, "std": before.std}
    if options.image_size <= SMALL:
        settings["crop_pct"] = 1.0
    return Preprocess(size=options.image_size, rule=options.resize, channels=channels, **settings)


def read(
    data: Path,
    preprocess: Preprocess,
    *,
    options: Any = None,
    max_bad: float,
    min_classes: int,
    check: Check | None = None,
    progress: Progress | None,
) -> PixelCache | ShardSamples:
    """Scan a folder or a list and open its pixel cache, building it on the first visit; of shards
    open the index.

    options: the columns of a list that are meant, and how pictures are grouped.
    """
    columns = Columns.of(options)
    if is_shards(data):
        columns.refuse(data)
        limit = getattr(options, "cache_limit", None)
        return read_shards(
            data,
            preprocess,
            max_bad=max_bad,
            min_classes=min_classes,
            cache_limit=None if limit is None else bytes_of("cache_limit", limit),
            check=check,
            progress=progress,
        )
    group_by = columns.group_by
    if group_by == NEAR_DUPLICATES or not is_list(data):
        columns = replace(columns, group_by=None)
    if is_list(data):
        listing = scan_list(data, columns, min_classes=min_classes)
    else:
        columns.refuse(data)
        listing = scan(data, min_classes=min_classes)
        if group_by not in (None, NEAR_DUPLICATES):
            listing = grouped_by(listing, str(group_by))
    if check is not None:
        check(listing.classes)
    cache = PixelCache.build(listing, preprocess, max_bad=max_bad, progress=progress)
    if group_by == NEAR_DUPLICATES:
        return cache.grouped(group_names(cache, cache.hashes, cache.groups))
    return cache


def usual(preprocess: Preprocess, recipe: Any) -> dict[str, Any]:
    """Muon, and crops that are not resized of small pictures: the best that was measured.

    By the trials in benchmarks/results/recipe_trials.csv and docs/training.md, "Change by change".
    """
    found: dict[str, Any] = {"optimizer": "muon"}
    if preprocess.size <= SHIFTED and recipe.crop_scale is None:
        found["pad_crop"] = preprocess.size // 8
    return found


def augment(preprocess: Preprocess, recipe: Any) -> "Callable[[NDArray[Any]], Tensor]":
    """What the recipe says, on one picture (H, W, C)."""
    from martlet.data.pictures.augment import augmented, build_augment

    transform = build_augment(
        preprocess.size,
        crop_scale=recipe.crop_scale,
        pad_crop=recipe.pad_crop,
        pad_mode=recipe.pad_mode,
        flip=recipe.flip and not recipe.flip_alternating,
        color_jitter=recipe.color_jitter,
        trivial_augment=recipe.trivial_augment,
        rand_augment=recipe.rand_augment,
        rand_augment_ops=recipe.rand_augment_ops,
        erase=recipe.erase,
    )
    return partial(augmented, transform)


def on_device(
    batches: "TrainBatches", preprocess: Preprocess, recipe: Any, device: "torch.device"
) -> "Loader":
    """Batches that are cropped and mirrored on the device."""
    from martlet.data.pictures.on_device import DeviceLoader

    return DeviceLoader(batches, preprocess.size, recipe, device)


def to_input(preprocess: Preprocess, device: "torch.device") -> "ToInput":
    """Batches of pixels to inputs."""
    from martlet.data.pictures.to_input import ToInput

    return ToInput(preprocess, device)


PICTURES = Kind(
    name="image",
    data="pictures",
    noun="pictures",
    prepare=prepare,
    preprocess=Preprocess.from_dict,
    read=read,
    find=find_sources,
    augment=augment,
    to_input=to_input,
    on_device=on_device,
    usual=usual,
)
