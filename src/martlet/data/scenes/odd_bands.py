"""Bands of which nothing can be learnt, or that hold no numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from martlet.data.scenes.scaled import is_nodata
from martlet.data.scenes.scene import Scene


@dataclass(frozen=True)
class OddBands:
    """Numbers of bands, from 0.

    constant: those with one value at all pixels that hold a finite one, or with no such pixel.
    not_finite: how many pixels are NaN or infinite, for each band with any.
    """

    constant: tuple[int, ...] = ()
    not_finite: Mapping[int, int] = field(default_factory=dict)


def odd_bands(scene: Scene) -> OddBands:
    """Looks at all pixels of a scene, block by block; those of `scene.nodata` do not count."""
    bands = scene.shape[2]
    wide = scene.dtype.kind == "f"
    low = np.full(bands, np.inf if wide else np.iinfo(scene.dtype).max, scene.dtype)
    high = np.full(bands, -np.inf if wide else np.iinfo(scene.dtype).min, scene.dtype)
    first = np.stack([low, high])
    not_finite = np.zeros(bands, np.int64)
    for part in scene.strips():
        pixels = scene.block(part, slice(None)).reshape(-1, bands)
        finite = np.isfinite(pixels)
        absent = np.zeros((), bool)
        if scene.nodata is not None:
            absent = is_nodata(pixels, scene.nodata)
        not_finite += np.count_nonzero(~(finite | absent), axis=0)
        held = finite & ~absent
        low = np.minimum(low, pixels.min(0, where=held, initial=first[0, 0]))
        high = np.maximum(high, pixels.max(0, where=held, initial=first[1, 0]))
    return OddBands(
        tuple(np.flatnonzero(low >= high).tolist()),
        {int(band): int(not_finite[band]) for band in np.flatnonzero(not_finite)},
    )
