"""A scene in strips and tiles: no more of it is in memory than one strip, whatever its size."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.scenes.samples import SceneSamples, components_of
from martlet.data.scenes.scene import Scene

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Strip:
    """What a network says of some rows of a scene.

    first, last: the rows, from 0; `last` is not in it.
    logits: (classes, rows of the strip, columns).
    held: which pixels hold a spectrum, (rows of the strip, columns).
    """

    first: int
    last: int
    logits: NDArray[np.float32]
    held: NDArray[np.bool_]


def strips(
    run: Run,
    scene: Scene,
    preprocess: ScenePreprocess,
    *,
    any_size: bool = False,
    wanted: NDArray[np.bool_] | None = None,
    start: int = 0,
) -> Iterator[Strip]:
    """A network's outputs for a scene, `preprocess.tile` rows at a time from row `start` on.

    run: inputs (number, 1, components, side, side) -> (number, classes, tile, tile), side = window
        + tile - 1, or (number, classes) of single pixels; with `any_size` also of inputs with other
        numbers of rows and columns.
    wanted: (rows, columns); strips without a wanted pixel are left out.
    Every pixel is labelled from its whole window; outside the scene there are zeros. A strip's rows
    are read once, with half a window more above and below. Raises
    MartletError for a scene of another number of bands, or one that cannot be read.
    """
    rows, columns, _ = scene.shape
    tile = preprocess.tile
    for first in range(start, rows, tile):
        last = min(rows, first + tile)
        if wanted is not None and not wanted[first:last].any():
            continue
        padded, held = components_of(scene, preprocess, first, last)
        if not any_size:
            filled = -(-columns // tile) * tile
            padded = np.pad(
                padded, ((0, first + tile - last), (0, filled - columns), (0, 0)), mode="constant"
            )
        logits = _logits(run, padded, preprocess)[:, : last - first, :columns]
        yield Strip(first, last, logits, held)


def _logits(
    run: Run, padded: NDArray[np.float32], preprocess: ScenePreprocess
) -> NDArray[np.float32]:
    """Of a strip within its margin (rows + window - 1, columns + window - 1, components)."""
    margin = preprocess.window - 1
    columns = padded.shape[1] - margin
    tiles = [
        preprocess.normalise(padded[:, first : first + preprocess.tile + margin])
        for first in range(0, columns, preprocess.tile)
    ]
    even = [tile for tile in tiles if tile.shape == tiles[0].shape]  # the last may be narrower
    found = [*run(np.stack(even)), *(run(tile[None])[0] for tile in tiles[len(even) :])]
    if found[0].ndim == 1:  # a network that labels one pixel at a time
        return np.stack(found, axis=1)[:, None]
    return np.concatenate(found, axis=-1)


def pixel_logits(
    run: Run,
    samples: SceneSamples,
    chosen: Sequence[int],
    preprocess: ScenePreprocess,
    *,
    any_size: bool = False,
) -> NDArray[np.float32]:
    """A network's outputs (number, classes) for some labelled pixels, as `strips` makes them."""
    rows, columns = samples.rows[list(chosen)], samples.columns[list(chosen)]
    wanted = np.zeros(samples.scene.shape[:2], bool)
    wanted[rows, columns] = True
    found: NDArray[np.float32] | None = None
    for strip in strips(run, samples.scene, preprocess, any_size=any_size, wanted=wanted):
        inside = (strip.first <= rows) & (rows < strip.last)
        if found is None:
            found = np.empty((len(rows), len(strip.logits)), np.float32)
        found[inside] = strip.logits[:, rows[inside] - strip.first, columns[inside]].T
    assert found is not None, "no pixel is chosen"
    return found
