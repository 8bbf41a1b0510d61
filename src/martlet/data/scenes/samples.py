"""The labelled pixels of a scene as samples: each is the window of components around it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.scenes.contents import Colour
from martlet.data.scenes.labels import LabelMap, check_fit
from martlet.data.scenes.odd_bands import odd_bands
from martlet.data.scenes.preprocess import ScenePreprocess, fitted, pixels_held
from martlet.data.scenes.scene import Scene
from martlet.errors import MartletError

MOST_NAMED = 12  # bands in a sentence


@dataclass(frozen=True, eq=False)
class SceneSamples:
    """Labelled pixels that hold a spectrum, in the order of rows; aligned with their numbers.

    rows, columns: where each lies, (n,).
    labels: index into `classes`, (n,); `values` are the classes' values in the label map.
    digests: hash of each one's place and spectrum.
    odd: sentences about what was not used.
    left_out: bands that are not looked at, from 0: constant, without a value, or marked as bad.
    colours: of those classes for which the label map's file has one.
    preprocess, padded: after `fit`; components of the scene within a margin of half a window of
        zeros, float32 (rows + window - 1, columns + window - 1, components).
    """

    root: Path
    scene: Scene
    classes: tuple[str, ...]
    values: tuple[int, ...]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    labels: Sequence[int]
    digests: Sequence[str]
    odd: Sequence[str] = ()
    left_out: tuple[int, ...] = ()
    colours: Mapping[int, Colour] = field(default_factory=dict)
    preprocess: ScenePreprocess | None = None
    padded: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0, 0), np.float32))
    groups: Sequence[str] | None = None

    @property
    def parts(self) -> Sequence[str | None]:
        """None is given: `split_pixels` deals them."""
        return [None] * len(self)

    @property
    def names(self) -> Sequence[str]:
        """Row and column, from 0."""
        return [f"row {r}, column {c}" for r, c in zip(self.rows, self.columns, strict=True)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int, /) -> NDArray[Any]:
        """float32 (window, window, components), a view."""
        if self.preprocess is None:
            raise MartletError("the components of the scene are not fitted yet.")
        row, column, side = self.rows[index], self.columns[index], self.preprocess.window
        return self.padded[row : row + side, column : column + side]

    def fit(self, preprocess: ScenePreprocess, training: Sequence[int]) -> "SceneSamples":
        """The same with the components of these training samples; a fitted one is taken as it is.

        Raises MartletError when they are too few for so many components.
        """
        if not preprocess.projection:
            mask = np.zeros(self.scene.shape[:2], bool)
            chosen = np.asarray(training, np.intp)
            mask[self.rows[chosen], self.columns[chosen]] = True
            given = replace(preprocess, left_out=self.left_out)
            preprocess = fitted(given, self.scene, mask)
        padded, _ = components_of(self.scene, preprocess)
        return replace(self, preprocess=preprocess, padded=padded)


def components_of(
    scene: Scene, preprocess: ScenePreprocess, first: int = 0, last: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Components of the pixels of rows `first` to `last`, and half a window more on every side.

    What lies outside the scene is 0: (last - first + window - 1, columns + window - 1, components).
    And which pixels of these rows hold a spectrum, (last - first, columns).
    """
    rows, columns, _ = scene.shape
    last = rows if last is None else last
    margin = preprocess.window // 2
    top, end = first - margin, last + margin
    padded = np.zeros((end - top, columns + 2 * margin, preprocess.components), np.float32)
    held = np.zeros((end - top, columns), bool)
    for part in scene.strips(max(0, top), min(rows, end)):
        found, with_spectrum = preprocess.project_held(scene.block(part, slice(None)), scene.nodata)
        place = slice(part.start - top, part.stop - top)
        padded[place, margin : margin + columns] = found
        held[place] = with_spectrum
    return padded, held[margin : margin + last - first]


def label_pixels(
    scene: Scene, labels: LabelMap, min_classes: int = 2, left_out: Sequence[int] | None = None
) -> SceneSamples:
    """The samples of a scene and its label map, which must have its rows and columns.

    left_out: bands that do not count, as a network knows them; None: those of no use in the scene.
    Raises MartletError for fewer classes than `min_classes`.
    """
    check_fit(scene, labels)
    marked = labels.labels > 0
    about_bands: list[str] = []
    if left_out is None:
        left_out, about_bands = _bands_of_no_use(scene)
    held, digests = _held_and_digests(scene, marked, left_out)
    rows, columns = np.nonzero(held)
    values = tuple(sorted(set(labels.labels[held].tolist())))
    if len(values) < min_classes:
        raise MartletError(
            f"{len(values)} of the classes of {labels.path} have a pixel with a spectrum; "
            f"{min_classes} or more are needed."
        )
    index = {value: number for number, value in enumerate(values)}
    nothing = int(np.count_nonzero(marked & ~held))
    told = (
        f"{nothing} labelled pixels hold no spectrum (NaN, infinite or nodata in a band) and are "
        "left out"
    )
    gone = [labels.names[value] for value in labels.names if value not in index]
    without = f"classes without a pixel that holds a spectrum: {', '.join(gone)}"
    return SceneSamples(
        root=scene.path,
        scene=scene,
        classes=tuple(labels.names[value] for value in values),
        values=values,
        rows=rows,
        columns=columns,
        labels=[index[value] for value in labels.labels[held].tolist()],
        digests=digests,
        odd=[
            *[scene.scaled] * bool(scene.scaled),
            *about_bands,
            *[told] * bool(nothing),
            *[without] * bool(gone),
        ],
        left_out=tuple(left_out),
        colours={index[v]: colour for v, colour in labels.colours.items() if v in index},
    )


def _bands_of_no_use(scene: Scene) -> tuple[tuple[int, ...], list[str]]:
    """Bands that are left out, and sentences about them. Looks at every pixel once."""
    found = odd_bands(scene)
    told = []
    for bands, why in ((found.constant, "constant or empty"), (scene.bad_bands, "marked as bad")):
        if bands:
            shown = ", ".join(map(str, bands[:MOST_NAMED])) + ", …" * (len(bands) > MOST_NAMED)
            told.append(f"bands left out, {why}: {len(bands)} of {scene.shape[2]} ({shown})")
    if len({*found.constant, *scene.bad_bands}) == scene.shape[2]:
        raise MartletError(
            f"scene {str(scene.path)!r} has no band of use: in each one all pixels have the same "
            "value, or none; give the file that holds the spectra."
        )
    return tuple(sorted({*found.constant, *scene.bad_bands})), told


def _held_and_digests(
    scene: Scene, marked: NDArray[np.bool_], left_out: Sequence[int]
) -> tuple[NDArray[np.bool_], list[str]]:
    """Which marked pixels hold a spectrum, and a hash of the place and spectrum of each of them.

    Of the values as float32, so that a scene that is saved as another type has the same.
    """
    held, digests = np.zeros_like(marked), list[str]()
    for part in scene.strips():
        if not marked[part].any():
            continue
        block = scene.block(part, slice(None))
        held[part] = marked[part] & pixels_held(block, scene.nodata, left_out)
        with np.errstate(over="ignore"):
            plain = block.astype("<f4")
        for row, column in zip(*np.nonzero(held[part]), strict=True):
            place = f"{part.start + row},{column}:".encode()
            digests.append(hashlib.sha256(place + plain[row, column].tobytes()).hexdigest())
    return held, digests
