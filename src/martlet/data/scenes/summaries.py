"""What pictures of a scene need of it: three of its bands, and the spectra of its classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.scenes.preprocess import pixels_held
from martlet.data.scenes.samples import SceneSamples
from martlet.data.scenes.scaled import is_nodata
from martlet.data.scenes.scene import Scene

Spectra = NDArray[np.float64]


def three_bands(
    scene: Scene, bands: tuple[int, int, int], left_out: Sequence[int] = (), most: int = 1300
) -> Spectra:
    """These bands of a scene: (rows, columns, 3), NaN where a pixel holds nothing.

    left_out: bands whose values say nothing of that.
    Of a scene with more rows or columns than `most` every second, third … pixel, so that fewer
    are left.
    """
    step = -(-max(scene.shape[:2]) // most)
    found = []
    for part in scene.strips():
        thinned = scene.block(part, slice(None))[-part.start % step :: step, ::step]
        held = pixels_held(thinned, scene.nodata, left_out)[..., None]
        found.append(np.where(held, thinned[..., list(bands)].astype(np.float64), np.nan))
    return np.concatenate(found)


def class_spectra(samples: SceneSamples, chosen: Sequence[int]) -> tuple[Spectra, Spectra]:
    """Mean and standard deviation of the spectra of some samples: (classes, bands) each.

    NaN for a class of which none is chosen.
    """
    classes, bands = len(samples.classes), samples.scene.shape[2]
    numbers = np.full(samples.scene.shape[:2], -1)
    indices = np.asarray(chosen, np.intp)
    numbers[samples.rows[indices], samples.columns[indices]] = np.asarray(samples.labels)[indices]
    count = np.zeros((classes, 1))
    mean, scatter = np.zeros((classes, bands)), np.zeros((classes, bands))
    for part in samples.scene.strips():
        block, here = samples.scene.block(part, slice(None)), numbers[part]
        for label in np.unique(here[here >= 0]).tolist():
            spectra = _numbers(block[here == label], samples.scene.nodata)
            own, both = spectra.mean(0), count[label] + len(spectra)
            shift = own - mean[label]
            scatter[label] += ((spectra - own) ** 2).sum(0)
            scatter[label] += shift**2 * count[label] * len(spectra) / both
            mean[label] += shift * len(spectra) / both
            count[label] = both
    known = count > 0
    divisor = np.maximum(count, 1)
    return np.where(known, mean, np.nan), np.where(known, np.sqrt(scatter / divisor), np.nan)


def _numbers(spectra: NDArray[Any], nodata: float | None) -> Spectra:
    """Bands that a network does not look at may hold nodata: NaN."""
    values = spectra.astype(np.float64)
    if nodata is not None:
        values[is_nodata(spectra, nodata)] = np.nan
    return values
