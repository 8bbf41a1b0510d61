"""Spectra to components: what a network for scenes sees of a pixel, fitted once and kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from martlet.data.kind import from_settings
from martlet.data.scenes.scaled import is_nodata
from martlet.data.scenes.scene import Scene
from martlet.errors import MartletError, unknown

FITTED_ON = ("training", "whole-scene")
SMALLEST = 1e-10  # variance of a component, as a share of the first's, that is more than rounding


@dataclass(frozen=True)
class ScenePreprocess:
    """How spectra become float32 numbers (1, components, side, side), side = window + tile - 1.

    Networks of pictures take (components, side, side): components are `planes`, as colours are.

    window: side in pixels, odd; the pixel in its middle is the one that is classified.
    components: principal components of the spectra, whitened: each has mean 0 and deviation 1 over
        the pixels that they were fitted on. What lies outside the scene, and pixels that hold
        nothing, are 0: the mean.
    fitted_on: the training pixels alone, or, as the papers do, all pixels of the scene.
    tile: side in pixels of the square whose classes one input gives, each from the window around
        it; 1 in training, where an input is one window.
    left_out: numbers of bands that are not looked at: without values, constant, or bad.
    planes: whether the components are channels, without the axis in front of them.
    mean, projection: of the fit: (bands,) and (components, bands); empty before it.

    Raises MartletError for a value that is not accepted.
    """

    window: int = 25
    components: int = 30
    fitted_on: Literal["training", "whole-scene"] = "training"
    mean: tuple[float, ...] = ()
    projection: tuple[tuple[float, ...], ...] = ()
    tile: int = 1
    planes: bool = False
    left_out: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("window", "components", "tile"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise MartletError(f"{name}={value!r} is not accepted; give a whole number from 1.")
        if self.window % 2 == 0:
            raise MartletError(f"window={self.window} is even; give an odd one: it has a middle.")
        if self.fitted_on not in FITTED_ON:
            raise unknown("fitted_on", self.fitted_on, FITTED_ON)
        object.__setattr__(self, "mean", tuple(map(float, self.mean)))
        rows = tuple(tuple(map(float, row)) for row in self.projection)
        object.__setattr__(self, "projection", rows)
        object.__setattr__(self, "left_out", tuple(map(int, self.left_out)))
        if rows and (len(rows) != self.components or {len(row) for row in rows} != {self.bands}):
            raise MartletError(
                f"projection of {len(rows)} rows does not fit components={self.components} and "
                f"mean of {self.bands} bands."
            )
        if not np.isfinite(self.mean).all() or not np.isfinite(rows).all():
            raise MartletError("mean and projection hold numbers that are infinite or NaN.")

    @property
    def kind(self) -> str:
        """Of data: the key of `kinds.KINDS`."""
        return "cube"

    @property
    def bands(self) -> int:
        """Of the scenes that it takes; 0 before the fit."""
        return len(self.mean)

    @property
    def in_chans(self) -> int:
        """The components."""
        return self.components

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input of the network: (1, components, side, side), or without the 1 of planes."""
        side = self.window + self.tile - 1
        return (*(1,) * (not self.planes), self.components, side, side)

    def project(self, spectra: NDArray[Any], nodata: float | None = None) -> NDArray[np.float32]:
        """(..., bands) of any numbers -> float32 (..., components); 0 where a pixel holds nothing.

        Raises MartletError for another number of bands, and for values whose components are no
        float32.
        """
        return self.project_held(spectra, nodata)[0]

    def project_held(
        self, spectra: NDArray[Any], nodata: float | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """As `project`, and which pixels (...) hold a spectrum in the bands that are in use."""
        self.check_bands(spectra.shape[-1])
        mean, projection = np.asarray(self.mean), np.asarray(self.projection)
        if self.left_out:
            used = np.delete(np.arange(self.bands), self.left_out)
            spectra, mean, projection = spectra[..., used], mean[used], projection[:, used]
        held = pixels_held(spectra, nodata)
        with np.errstate(over="ignore", invalid="ignore"):
            centred = np.where(held[..., None], spectra, mean) - mean
            found: NDArray[np.float32] = (centred @ projection.T).astype(np.float32)
        if not np.isfinite(found).all():
            raise _too_large(spectra[held])
        return found, held

    def check_bands(self, bands: int) -> None:
        """Raises MartletError when spectra of so many bands are none of those it was fitted on."""
        if not self.projection:
            raise MartletError("the preprocessing of scenes is not fitted yet; train first.")
        if bands != self.bands:
            raise MartletError(
                f"the scene has {bands} bands; the network was trained on {self.bands}."
            )

    def __call__(self, spectra: NDArray[Any], /) -> NDArray[np.float32]:
        """A window of spectra (window, window, bands) -> (1, components, window, window)."""
        return self.normalise(self.project(spectra))

    def crop(self, sample: NDArray[Any], /) -> NDArray[Any]:
        """A window of components, as it is."""
        return sample

    def normalise(self, samples: NDArray[Any], /) -> NDArray[np.float32]:
        """(..., side, side, components) -> (..., 1, components, side, side); planes without 1."""
        planes = np.moveaxis(samples, -1, -3)
        cubes = planes if self.planes else planes[..., None, :, :, :]
        return np.ascontiguousarray(cubes, np.float32)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; `from_dict` is the way back."""
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ScenePreprocess":
        """Raises MartletError for settings that this version does not know, or odd ones."""
        return from_settings(cls, values)


def pixels_held(
    spectra: NDArray[Any], nodata: float | None = None, left_out: Sequence[int] = ()
) -> NDArray[np.bool_]:
    """Which pixels (...) hold a spectrum: each of their bands (..., bands) is finite, no nodata.

    left_out: bands that do not count.
    """
    if left_out:
        spectra = np.delete(spectra, left_out, axis=-1)
    held: NDArray[np.bool_] = np.isfinite(spectra).all(-1)
    if nodata is not None:
        held &= ~is_nodata(spectra, nodata).any(-1)
    return held


def fitted(
    preprocess: ScenePreprocess, scene: Scene, training: NDArray[np.bool_]
) -> ScenePreprocess:
    """The same with mean and projection: principal components of the pixels that it is fitted on.

    training: (rows, columns), True for training pixels. The scene is read by blocks.

    Raises MartletError when these pixels are too few, or too alike, for so many components.
    """
    bands = scene.shape[2]
    used = np.delete(np.arange(bands), preprocess.left_out)
    with np.errstate(over="ignore", invalid="ignore"):
        count, mean, scatter = _moments(_spectra(preprocess, scene, training, used), len(used))
    wanted, where = preprocess.components, f"{preprocess.fitted_on} pixels"
    if wanted > len(used):
        less = f" that are of use ({len(preprocess.left_out)} are left out)"
        raise MartletError(
            f"components={wanted} is more than the scene's {len(used)} bands"
            f"{less if preprocess.left_out else ''}; give fewer components, or another network."
        )
    if count <= wanted:
        raise MartletError(
            f"{wanted} components need more than {wanted} {where}; there are {count}: give a "
            "larger train share, or fewer components."
        )
    if not np.isfinite(scatter).all():
        raise _too_large(np.concatenate([*_spectra(preprocess, scene, training, used)]))
    variances, vectors = np.linalg.eigh(scatter / (count - 1))
    variances, vectors = variances[::-1][:wanted], vectors[:, ::-1][:, :wanted].T
    differing = int(np.count_nonzero(variances > SMALLEST * max(variances[0], 0.0)))
    if differing < wanted:
        raise MartletError(
            f"the spectra of the {where} differ in {differing} components, not in {wanted}; give "
            "fewer components."
        )
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], 1)
    projection, whole = np.zeros((wanted, bands)), np.zeros(bands)
    projection[:, used] = vectors * np.sign(largest) / np.sqrt(variances)[:, None]
    whole[used] = mean
    rows = tuple(map(tuple, projection.tolist()))
    return replace(preprocess, mean=tuple(whole.tolist()), projection=rows)


def _too_large(spectra: NDArray[Any]) -> MartletError:
    largest = np.abs(spectra.astype(np.float64)).max()
    return MartletError(
        f"the scene holds values as large as {largest:g}, of which no components can be made; "
        "write NaN in their place, or name them as the file's value for no data."
    )


def _spectra(
    preprocess: ScenePreprocess,
    scene: Scene,
    training: NDArray[np.bool_],
    used: NDArray[np.intp],
) -> Iterator[NDArray[np.float64]]:
    """The spectra (n, used bands) that are fitted on, a few rows of the scene at a time."""
    for part in scene.strips():
        if preprocess.fitted_on == "training" and not training[part].any():
            continue
        block = scene.block(part, slice(None))[..., used]
        chosen = pixels_held(block, scene.nodata)
        if preprocess.fitted_on == "training":
            chosen &= training[part]
        yield block[chosen].astype(np.float64)


def _moments(
    blocks: Iterator[NDArray[np.float64]], bands: int
) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """How many spectra there are, their mean, and the sum of (x - mean)(x - mean)ᵀ."""
    count, mean, scatter = 0, np.zeros(bands), np.zeros((bands, bands))
    for block in blocks:
        if not len(block):
            continue
        own = block.mean(0)
        centred, shift, both = block - own, own - mean, count + len(block)
        scatter += centred.T @ centred + np.outer(shift, shift) * (count * len(block) / both)
        mean = mean + shift * (len(block) / both)
        count = both
    return count, mean, scatter
