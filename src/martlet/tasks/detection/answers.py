"""The answers of an exported detector, decoded as its own `decode` does it, without torch.

What a file says of them: `kind`, how a place answers, and what belongs to that. "distances": the
logits of the classes, then of the distances to the four sides, `bins` each, at the places of maps
whose strides are `strides` (models/detectors/lite.py).
"""

from collections.abc import Callable, Mapping
from reprlib import repr as short
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError

Array = NDArray[np.float32]
MOST_BINS = 64


def check(how: Any) -> None:
    """Raises MartletError when what a file says of its answers is damaged or not known."""
    known = isinstance(how, Mapping) and how.get("kind") in DECODERS
    try:
        bins, strides = int(how["bins"]), list(map(int, how["strides"]))
        whole = known and 1 <= bins <= MOST_BINS and min(strides) >= 1
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise MartletError(
            f"answers={short(how)} is not known; accepted: a kind of {', '.join(DECODERS)}, with "
            "bins and strides; export the network again."
        )


def decoded(answers: Array, how: Mapping[str, Any], size: tuple[int, int]) -> tuple[Array, Array]:
    """(N, places, numbers) -> corners (N, places, 4) in pixels, scores (N, places, classes).

    how: what the file says of them; size: (height, width) of the network's picture.
    """
    return DECODERS[how["kind"]](answers, how, size)


def _distances(
    answers: Array, how: Mapping[str, Any], size: tuple[int, int]
) -> tuple[Array, Array]:
    bins, places = int(how["bins"]), places_of(how["strides"], size)
    if answers.ndim != 3 or answers.shape[1] != len(places) or answers.shape[2] <= 4 * bins:
        raise MartletError(
            f"answers of shape {answers.shape} do not fit {len(places)} places with {bins} bins; "
            "export the network again."
        )
    logits = answers[..., -4 * bins :].reshape(*answers.shape[:2], 4, bins)
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    reach = (shares * np.arange(bins, dtype=np.float32)).sum(axis=-1) * places[:, 2:]
    centres = places[:, :2]
    corners = np.concatenate((centres - reach[..., :2], centres + reach[..., 2:]), axis=-1)
    with np.errstate(over="ignore"):
        scores = np.float32(1) / (1 + np.exp(-answers[..., : -4 * bins]))
    return corners.astype(np.float32), scores.astype(np.float32)


def places_of(strides: list[int], size: tuple[int, int]) -> Array:
    """(places, 3), map by map and row by row: centre x, centre y and stride, in pixels."""
    height, width = size
    maps = []
    for stride in strides:
        # A padded convolution of stride 2 rounds up.
        y, x = np.mgrid[: -(-height // stride), : -(-width // stride)] * stride + stride / 2
        maps.append(np.stack((x, y, np.full_like(x, stride)), axis=-1).reshape(-1, 3))
    return np.concatenate(maps).astype(np.float32)


DECODERS: dict[str, Callable[[Array, Mapping[str, Any], tuple[int, int]], tuple[Array, Array]]] = {
    "distances": _distances
}
