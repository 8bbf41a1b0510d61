"""Hyperspectral scenes as a kind of data: the labelled pixels of one scene, split by regions."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from martlet.data.kind import Check, Kind, Progress
from martlet.data.scenes.choose import rows_and_columns
from martlet.data.scenes.contents import StoredArray, no_values
from martlet.data.scenes.formats import read_contents
from martlet.data.scenes.labels import read_labels
from martlet.data.scenes.pixel_split import PixelSplit
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.scenes.regions import PROTOCOLS, split_pixels
from martlet.data.scenes.samples import SceneSamples, label_pixels
from martlet.data.scenes.scaled import as_stored
from martlet.data.scenes.scene import read_scene
from martlet.data.scenes.split_notes import about_windows
from martlet.data.split import Split
from martlet.errors import MartletError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from martlet.data.scenes.to_input import ToInput

WINDOW = 25  # side in pixels: the paper's


class SceneFiles(Protocol):
    """Where the label map lies, and what neither file says by itself."""

    @property
    def labels(self) -> Path | None: ...
    @property
    def array(self) -> str | None: ...
    @property
    def labels_array(self) -> str | None: ...
    @property
    def bands_axis(self) -> int | None: ...
    @property
    def class_names(self) -> Path | None: ...


def prepare(options: Any, before: Any, known: Mapping[str, Any]) -> ScenePreprocess:
    """The Preprocess of a new run, not fitted; `known` has the components of the network's row.

    Raises MartletError for another window than that of the weights to start from.
    """
    if isinstance(before, ScenePreprocess) and options.components in (None, before.components):
        return _known(options, before)
    usual = known.get("components", 30)
    return ScenePreprocess(
        window=window_side(options),
        components=usual if options.components is None else options.components,
        fitted_on=options.pca,
        planes=known.get("planes", False),
    )


def _known(options: Any, before: ScenePreprocess) -> ScenePreprocess:
    """That of weights, which see the components that they know; a network of pictures takes
    windows as asked."""
    if options.pca not in ("training", before.fitted_on):
        raise MartletError(
            f"pca={options.pca!r}: the weights know components that were fitted on "
            f"{before.fitted_on} pixels, and keep them; leave pca out, or train without weights."
        )
    if options.window is None or window_side(options) == before.window:
        return before
    if not before.planes:
        raise MartletError(
            f"window={options.window} is not that of the weights, {before.window}; leave it out, "
            "or give other weights."
        )
    return replace(before, window=window_side(options))


def window_side(options: Any) -> int:
    """Of a window, in pixels. Raises MartletError for what is no whole number."""
    text = str(WINDOW if options.window is None else options.window)
    if not text.isdecimal():
        raise MartletError(
            f"window={options.window!r} is not accepted; give the side of a scene's window in "
            "pixels, an odd number."
        )
    return int(text)


def read(
    data: Path,
    preprocess: ScenePreprocess,
    *,
    options: SceneFiles,
    max_bad: float,
    min_classes: int,
    check: Check | None = None,
    progress: Progress | None,
) -> SceneSamples:
    """The labelled pixels of a scene; with components when the preprocess is fitted."""
    if options is None or options.labels is None:
        raise MartletError(f"scene {str(data)!r} needs its label map; give it as --labels FILE.")
    if data.is_dir():
        raise MartletError(
            f"labels={options.labels} is for scenes, and {data} is a folder; leave it out for "
            "pictures or recordings, or give the scene's file."
        )
    labels = read_labels(
        options.labels, array=options.labels_array, class_names=options.class_names
    )
    if check is not None:
        check(list(labels.names.values()))
    scene = read_scene(
        data, array=options.array, bands_axis=options.bands_axis, rows_columns=labels.shape
    )
    if not preprocess.projection:
        return label_pixels(scene, labels, min_classes)
    preprocess.check_bands(scene.shape[2])
    known = label_pixels(scene, labels, min_classes, preprocess.left_out)
    return known.fit(preprocess, ())


def split(samples: SceneSamples, options: Any) -> Split:
    """By regions, by chance or as a given map says; whatever lies in the guard is in no part."""
    fitted = samples.preprocess  # that of the weights to start from, whose window may be another
    window = window_side(options) if fitted is None else fitted.window
    found = pixel_split(samples, options, window)
    flat = samples.rows * found.labels.shape[1] + samples.columns
    train, val, test = (
        tuple(np.searchsorted(flat, found.indices(part)).tolist())
        for part in ("train", "val", "test")
    )
    return Split(
        train,
        val,
        test,
        digests=tuple(samples.digests),
        notes=found.notes,
        caution=about_windows(found)[0] if found.optimistic else "",
        protocol=protocol_of(found, samples, options),
    )


def protocol_of(found: PixelSplit, samples: SceneSamples, options: Any) -> dict[str, Any]:
    """What a reader of the figures, and a comparison of several runs, must know of the split.

    data: hash of the labelled pixels, their spectra and their classes: equal for the same files.
    test, test_in_windows: pixels of the test part, and those of them in a training window.
    """
    data = hashlib.blake2b(digest_size=8)
    for digest, label in zip(samples.digests, samples.labels, strict=True):
        data.update(f"{digest} {samples.classes[label]}\n".encode())
    return {
        "name": found.protocol,
        "optimistic": found.optimistic,
        "train_share": None if found.protocol == "given" else options.train_share,
        "guard": found.guard,
        "test": len(found.indices("test")),
        "test_in_windows": found.test_in_windows(),
        "data": data.hexdigest(),
    }


def pixel_split(samples: SceneSamples, options: Any, window: int) -> PixelSplit:
    """The same as a map."""
    labels = np.zeros(samples.scene.shape[:2], np.int32)
    labels[samples.rows, samples.columns] = np.asarray(samples.values)[list(samples.labels)]
    protocol: Any = options.protocol
    if protocol not in PROTOCOLS and Path(protocol).exists():
        protocol = given(Path(protocol))
    return split_pixels(
        labels,
        window=window,
        protocol=protocol,
        train_share=options.train_share,
        val=options.val,
        seed=options.seed,
        names=dict(zip(samples.values, samples.classes, strict=True)),
    )


def given(path: Path) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """The map of a split in a file: the only array in it, or those that are called as parts are."""
    contents = read_contents(path)
    arrays = contents.arrays

    def values(one: StoredArray) -> NDArray[Any]:
        if not one.numbers:
            raise no_values(one, path)
        found = np.asarray(as_stored(one.open())[(slice(None),) * len(one.shape)])
        return found.reshape(rows_and_columns(contents, one) or one.shape)

    if len(arrays) == 1:
        return values(arrays[0])
    parts = {
        part: values(one)
        for one in arrays
        for part in ("train", "val", "test")
        if part in (one.name or "").lower()
    }
    if not parts:
        names = ", ".join(str(one) for one in arrays)
        raise MartletError(f"split file {str(path)!r} holds {names}; name them train, val, test.")
    return parts


def fit(
    preprocess: ScenePreprocess, samples: SceneSamples, training: Sequence[int]
) -> tuple[ScenePreprocess, SceneSamples]:
    """Principal components of the training pixels, or of all of them, and windows of these."""
    made = samples.fit(preprocess, training)
    assert made.preprocess is not None
    return made.preprocess, made


def augment(preprocess: ScenePreprocess, recipe: Any) -> "Callable[[NDArray[Any]], Tensor]":
    """Windows turned over along both axes by chance when the recipe flips: a scene has no top."""
    import torch

    def flipped(window: NDArray[Any]) -> "Tensor":
        made = torch.from_numpy(np.ascontiguousarray(window))
        chosen = [axis for axis in (0, 1) if recipe.flip and torch.rand(()) < 0.5]
        return made.flip(chosen) if chosen else made

    return flipped


def to_input(preprocess: ScenePreprocess, device: "torch.device") -> "ToInput":
    """Batches of windows to inputs."""
    from martlet.data.scenes.to_input import ToInput

    return ToInput(device, planes=preprocess.planes)


SCENES = Kind(
    name="cube",
    data="scenes",
    noun="pixels",
    prepare=prepare,
    preprocess=ScenePreprocess.from_dict,
    read=read,
    find=list,
    augment=augment,
    to_input=to_input,
    split=split,
    fit=fit,
    task="pixels",
)
