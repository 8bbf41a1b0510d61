"""A map of classes, as files that other programs open where the scene's coordinates are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.scenes.contents import Colour, Georeference
from martlet.data.scenes.geotiff import opened_to_write
from martlet.data.scenes.values import library

UNLABELLED = "(no spectrum)"


def write_map(
    folder: Path,
    classes: NDArray[Any],
    probability: NDArray[np.float32],
    names: Sequence[str],
    colours: Sequence[Colour],
    georeference: Georeference,
) -> list[Path]:
    """classes and probability as GeoTIFF, or as ENVI where the scene came with an ENVI header.

    classes: (rows, columns), 0 or the number of a class from 1 on: an index into `names` plus 1.
    Returns what was written. Raises MartletError when the library is missing or the disk is full.
    """
    if georeference.envi:
        return _as_envi(folder, classes, probability, names, colours, georeference)
    places = [folder / "classes.tif", folder / "probability.tif"]
    with opened_to_write(places[0], classes, georeference, nodata=0) as dataset:
        table = {0: (0, 0, 0, 0)} | {i: (*colour, 255) for i, colour in enumerate(colours, 1)}
        if classes.dtype == np.uint8:
            dataset.write_colormap(1, table)
        dataset.update_tags(1, **{f"class_{i}": name for i, name in enumerate(names, 1)})
    with opened_to_write(places[1], probability, georeference, nodata=None):
        pass
    return places


def _as_envi(
    folder: Path,
    classes: NDArray[Any],
    probability: NDArray[np.float32],
    names: Sequence[str],
    colours: Sequence[Colour],
    georeference: Georeference,
) -> list[Path]:
    envi = library("spectral.io.envi")
    places = [folder / "classes.hdr", folder / "probability.hdr"]
    metadata = dict(georeference.envi)
    # A comma ends a name in the header, and a brace the list.
    plain = [name.translate(str.maketrans(",{}", ";()")) for name in (UNLABELLED, *names)]
    envi.save_classification(
        str(places[0]),
        np.asarray(classes),
        class_names=plain,
        class_colors=[(0, 0, 0), *colours],
        metadata=metadata,
        force=True,
    )
    envi.save_image(str(places[1]), probability[:, :, None], metadata=metadata, force=True)
    return places + [place.with_suffix(".img") for place in places]
