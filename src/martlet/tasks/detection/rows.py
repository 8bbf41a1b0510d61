"""The boxes of an exported detector's answers, selected as `select` does it, without torch."""

import numpy as np
from numpy.typing import NDArray

from martlet.tasks.detection.limits import (
    LEAST_SCORE,
    MOST_BOXES,
    MOST_CANDIDATES,
    MOST_OVERLAP,
    NO_BOX,
)

COLUMNS = 6  # left, top, right, bottom, score, class


def selected(
    corners: NDArray[np.float32], scores: NDArray[np.float32], size: tuple[int, int]
) -> NDArray[np.float32]:
    """(N, places, 4) and (N, places, classes) -> (N, 100, 6) of `Selecting`.

    size: (height, width) of the network's picture, in whose pixels the corners are.
    """
    height, width = size
    sides = np.array((width, height, width, height), np.float32)
    found = np.full((len(corners), MOST_BOXES, COLUMNS), NO_BOX, np.float32)
    for number, pair in enumerate(zip(corners, scores, strict=True)):
        rows = _of_picture(*pair, sides)
        found[number, : len(rows)] = rows
    return found


def _of_picture(
    corners: NDArray[np.float32], scores: NDArray[np.float32], sides: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(n, 6), the highest score first; of equal ones that of the earlier place."""
    flat = scores.ravel()
    order = np.argsort(-flat, kind="stable")
    order = order[: int((flat > LEAST_SCORE).sum())][:MOST_CANDIDATES]
    place, kinds = np.divmod(order, scores.shape[1])
    boxes = np.clip(corners[place], 0, sides)
    real = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    boxes, values, kinds = boxes[real], flat[order][real], kinds[real]
    kept = np.sort(
        np.concatenate(
            [np.empty(0, np.int64)]
            + [own[suppressed(boxes[own])] for own in map(np.flatnonzero, _each(kinds))]
        )
    )[:MOST_BOXES]
    columns = boxes[kept], values[kept, None], kinds[kept, None].astype(np.float32)
    return np.concatenate(columns, axis=1).astype(np.float32)


def _each(kinds: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    return [kinds == kind for kind in np.unique(kinds)]


def suppressed(boxes: NDArray[np.float32], most: float = MOST_OVERLAP) -> NDArray[np.int64]:
    """Numbers of the boxes (n, 4) that stay, the surest first: non-maximum suppression.

    As torchvision's `nms`: areas and overlaps in float32, a box goes above the overlap, not at it.
    """
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    free, kept = np.ones(len(boxes), bool), []
    for number in range(len(boxes)):
        if not free[number]:
            continue
        kept.append(number)
        low = np.maximum(boxes[number, :2], boxes[number + 1 :, :2])
        high = np.minimum(boxes[number, 2:], boxes[number + 1 :, 2:])
        sides = np.maximum(high - low, np.float32(0))
        both = sides[:, 0] * sides[:, 1]
        overlap = both / (areas[number] + areas[number + 1 :] - both)
        free[number + 1 :] &= ~(overlap.astype(np.float64) > most)
    return np.array(kept, np.int64)


def in_pixels(rows: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Rows whose corners are fractions of the picture, (N, 100, 6), with those of `Selecting`."""
    height, width = size
    scale = np.array((width, height, width, height, 1, 1), np.float32)
    real = rows[..., 5:] >= 0
    return np.where(real, rows * scale, rows).astype(np.float32)
