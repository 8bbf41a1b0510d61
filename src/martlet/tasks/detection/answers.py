"""The answers of an exported detector, decoded as its own `decode` does it, without torch.

What a file says of them: `kind`, how a place answers, and what belongs to that. "distances": the
logits of the classes, then of the distances to the four sides, `bins` each, at the places of maps
whose strides are `strides` (models/detectors/lite.py). "anchors": the logits of the background and
of the classes, then four moves times `weights` of an anchor, of which those that scale count up to
`largest`; on the map of each of the `strides` anchors have these `sides`, width and height as
shares of the picture (models/detectors/ssdlite.py).
"""

from collections.abc import Callable, Mapping
from reprlib import repr as short
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError

Array = NDArray[np.float32]
How = Mapping[str, Any]
MOST_BINS = 64
MOST_ANCHORS = 64  # of a place


class Kind(NamedTuple):
    """Of answers: whether what a file says of them is whole, and how they are decoded."""

    whole: Callable[[How], bool]
    decode: Callable[[Array, How, tuple[int, int]], tuple[Array, Array]]


def check(how: Any) -> None:
    """Raises MartletError when what a file says of its answers is damaged or not known."""
    known = isinstance(how, Mapping) and how.get("kind") in KINDS
    try:
        whole = known and min(map(int, how["strides"])) >= 1 and KINDS[how["kind"]].whole(how)
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise MartletError(
            f"answers={short(how)} is not known; accepted: a kind of {' or '.join(KINDS)}, with "
            "what belongs to it; export the network again."
        )


def decoded(answers: Array, how: How, size: tuple[int, int]) -> tuple[Array, Array]:
    """(N, places, numbers) -> corners (N, places, 4) in pixels, scores (N, places, classes).

    how: what the file says of them; size: (height, width) of the network's picture.
    """
    return KINDS[how["kind"]].decode(answers, how, size)


def _distances(answers: Array, how: How, size: tuple[int, int]) -> tuple[Array, Array]:
    bins, places = int(how["bins"]), places_of(how["strides"], size)
    if answers.ndim != 3 or answers.shape[1] != len(places) or answers.shape[2] <= 4 * bins:
        raise _misfit(answers, f"{len(places)} places with {bins} bins")
    shares = _shares(answers[..., -4 * bins :].reshape(*answers.shape[:2], 4, bins))
    reach = (shares * np.arange(bins, dtype=np.float32)).sum(axis=-1) * places[:, 2:]
    centres = places[:, :2]
    corners = np.concatenate((centres - reach[..., :2], centres + reach[..., 2:]), axis=-1)
    with np.errstate(over="ignore"):
        scores = np.float32(1) / (1 + np.exp(-answers[..., : -4 * bins]))
    return corners.astype(np.float32), scores.astype(np.float32)


def _anchors(answers: Array, how: How, size: tuple[int, int]) -> tuple[Array, Array]:
    anchors = anchors_of(how, size)
    if answers.ndim != 3 or answers.shape[1] != len(anchors) or answers.shape[2] <= 5:
        raise _misfit(answers, f"{len(anchors)} anchors")
    moves = answers[..., -4:] / np.array(how["weights"], np.float32)
    sides = anchors[:, 2:] - anchors[:, :2]
    centres = moves[..., :2] * sides + (anchors[:, :2] + 0.5 * sides)
    half = 0.5 * np.exp(np.minimum(moves[..., 2:], np.float32(how["largest"]))) * sides
    corners = np.concatenate((centres - half, centres + half), axis=-1)
    scores = _shares(answers[..., :-4])[..., 1:]
    return corners.astype(np.float32), scores.astype(np.float32)


def _shares(logits: Array) -> Array:
    """The softmax over the last axis."""
    found = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Array = found / found.sum(axis=-1, keepdims=True)
    return shares


def _misfit(answers: Array, places: str) -> MartletError:
    return MartletError(
        f"answers of shape {answers.shape} do not fit {places}; export the network again."
    )


def places_of(strides: list[int], size: tuple[int, int]) -> Array:
    """(places, 3), map by map and row by row: centre x, centre y and stride, in pixels."""
    height, width = size
    maps = []
    for stride in strides:
        # A padded convolution of stride 2 rounds up.
        y, x = np.mgrid[: -(-height // stride), : -(-width // stride)] * stride + stride / 2
        maps.append(np.stack((x, y, np.full_like(x, stride)), axis=-1).reshape(-1, 3))
    return np.concatenate(maps).astype(np.float32)


def anchors_of(how: How, size: tuple[int, int]) -> Array:
    """(anchors, 4), map by map, row by row: left, top, right and bottom, in pixels."""
    height, width = size
    picture, maps = np.array((width, height), np.float32), []
    for stride, sides in zip(how["strides"], how["sides"], strict=True):
        rows, columns = -(-height // stride), -(-width // stride)
        y, x = np.mgrid[:rows, :columns].astype(np.float32) + np.float32(0.5)
        centres = np.stack((x / columns, y / rows), axis=-1).reshape(-1, 1, 2)
        half = np.array(sides, np.float32) / 2
        corners = np.concatenate((centres - half, centres + half), axis=-1).reshape(-1, 4)
        maps.append(corners * np.tile(picture, 2))
    return np.concatenate(maps).astype(np.float32)


def _whole_distances(how: How) -> bool:
    return 1 <= int(how["bins"]) <= MOST_BINS


def _whole_anchors(how: How) -> bool:
    """Of all maps as many anchors."""
    sides, weights = np.array(how["sides"], np.float32), np.array(how["weights"], np.float32)
    maps = len(how["strides"])
    fits = sides.ndim == 3 and sides.shape[0] == maps and sides.shape[2] == 2
    few = fits and 1 <= sides.shape[1] <= MOST_ANCHORS
    ends = np.isfinite(sides).all() and np.isfinite((*weights, float(how["largest"]))).all()
    return bool(few and ends and (sides > 0).all() and weights.shape == (4,) and weights.all())


KINDS = {
    "distances": Kind(_whole_distances, _distances),
    "anchors": Kind(_whole_anchors, _anchors),
}
