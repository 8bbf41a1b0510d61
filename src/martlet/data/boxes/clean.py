"""Corners as files have them -> corners in pixels of the upright picture, odd ones put right.

All boxes of a set are worked on together: there are a million in COCO.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from martlet.data.boxes.found import Found
from martlet.data.boxes.listing import Boxes, counted
from martlet.data.boxes.sizes import Header

BoxesFor = Literal["upright", "stored"]
Corners = NDArray[np.float64]
Mask = NDArray[np.bool_]
SLACK_PIXELS = 0.01  # what fractions of six digits are off by in large pictures, and half of that
NEAR = 0.02  # fractions outside 0..1 by so much are rounding, not a part outside


class Cleaned(NamedTuple):
    boxes: list[Boxes]  # of each picture
    notes: list[str]


def clean(
    found: Found,
    labels: NDArray[np.int64],
    headers: Sequence[Header | None],
    boxes_for: BoxesFor,
) -> Cleaned:
    """Boxes of each picture of `found`, and notes on what was odd.

    labels: int64 (n,), of the boxes. headers: of each picture, None for one that is left out: its
    boxes go with it, unsaid.
    """
    at = _Boxes(found, labels)
    at.keep(np.array([header is not None for header in headers], np.bool_)[at.owners])
    at.drop("Boxes with a corner that is no finite number", ~_all(np.isfinite(at.corners)))
    one, other = at.corners[:, :2], at.corners[:, 2:]
    at.note("Boxes with swapped corners, put right", _any(other < one))
    at.corners = np.concatenate([np.minimum(one, other), np.maximum(one, other)], axis=1)
    at.drop("Boxes without area", _flat(at.corners))
    at.corners, sides = _to_upright_pixels(found, at.corners, at.owners, headers, boxes_for)
    outside = _any((at.corners[:, :2] >= sides[:, 2:]) | (at.corners[:, 2:] <= 0))
    at.drop("Boxes wholly outside of their picture", outside)
    sides = sides[~outside]
    beyond = np.maximum(-at.corners, at.corners - sides)
    partly = _any(beyond > SLACK_PIXELS)
    if found.fractions:
        near = partly & _all(beyond <= NEAR * sides)
        at.note("Boxes with fractions outside 0 to 1 by up to 2 %, clipped", near)
        partly &= ~near
    at.note("Boxes partly outside of their picture, clipped", partly)
    # Doubles are those of what is given: float32.
    at.corners = np.clip(at.corners, 0, sides).astype(np.float32).astype(np.float64)
    at.drop("Boxes too thin for float32", _flat(at.corners))
    at.drop("Exact doubles of a box and its class", at.doubles())
    return Cleaned(at.by_picture(), at.notes)


class _Boxes:
    """All boxes of a set, row by row.

    corners: float64 (n, 4). owners: number of each one's picture. notes: on those that were odd.
    """

    def __init__(self, found: Found, labels: NDArray[np.int64]) -> None:
        self.corners, self.owners, self.crowd = found.corners(), found.owners(), found.crowd()
        self.labels = labels
        self.notes: list[str] = []
        self._names = list(found.pictures)

    def note(self, what: str, mask: Mask) -> None:
        names = [self._names[number] for number in self.owners[mask]]
        self.notes += counted(what, names, at="in ")

    def keep(self, mask: Mask) -> None:
        self.corners, self.owners = self.corners[mask], self.owners[mask]
        self.labels, self.crowd = self.labels[mask], self.crowd[mask]

    def drop(self, what: str, mask: Mask) -> None:
        self.note(f"{what}, dropped", mask)
        self.keep(~mask)

    def doubles(self) -> Mask:
        """Which boxes are the same, in picture, class and corners, as one before them."""
        columns = np.column_stack([self.owners, self.labels, self.crowd, self.corners])
        order = np.lexsort(columns.T)  # stable: of equal ones the first stays first
        same = np.zeros(len(columns), np.bool_)
        same[order[1:]] = _all(columns[order[1:]] == columns[order[:-1]])
        return same

    def by_picture(self) -> list[Boxes]:
        order = np.argsort(self.owners, kind="stable")
        ends = np.cumsum(np.bincount(self.owners, minlength=len(self._names)))[:-1]
        columns = (self.corners.astype(np.float32), self.labels, self.crowd)
        split = (np.split(column[order], ends) for column in columns)
        return [Boxes(*of_one) for of_one in zip(*split, strict=True)]


def _all(mask: Mask) -> Mask:
    return np.asarray(mask.all(axis=1), np.bool_)


def _any(mask: Mask) -> Mask:
    return np.asarray(mask.any(axis=1), np.bool_)


def _flat(corners: Corners) -> Mask:
    """Which boxes have no area."""
    return _any(corners[:, 2:] <= corners[:, :2])


def turned(corners: Corners, width: int, height: int, orientation: int) -> Corners:
    """Corners (n, 4) in a stored picture of this size -> those in the upright one.

    orientation: EXIF's, 1 to 8.
    """
    left, top, right, bottom = corners.T
    if orientation >= 5:  # rows become columns
        left, top, right, bottom = top, left, bottom, right
        width, height = height, width
    if orientation in (2, 3, 6, 7):
        left, right = width - right, width - left
    if orientation in (3, 4, 7, 8):
        top, bottom = height - bottom, height - top
    return np.stack([left, top, right, bottom], axis=1)


def _to_upright_pixels(
    found: Found,
    corners: Corners,
    owners: NDArray[np.int64],
    headers: Sequence[Header | None],
    boxes_for: BoxesFor,
) -> tuple[Corners, Corners]:
    """Corners counted from 0 in upright pixels, not clipped, and what they may be at most.

    Both are (n, 4); the second is width, height, width, height of each box's picture.
    """
    known = [header or Header(1, 1, 1) for header in headers]
    stored = np.array([header[:2] for header in known], np.float64).reshape(-1, 2)
    upright = np.array([header.upright for header in known], np.float64).reshape(-1, 2)
    seen = stored if boxes_for == "stored" else upright
    if found.fractions:
        with np.errstate(over="ignore"):  # beyond all floats is outside as well
            corners = corners * np.tile(seen[owners], 2)
    if found.from_one:
        corners = corners - [1, 1, 0, 0]
    if boxes_for == "stored":
        orientations = np.array([header.orientation for header in known], np.int64)[owners]
        for orientation in set(orientations.tolist()) - {1}:
            mask = orientations == orientation
            sizes = stored[owners[mask]].T
            corners[mask] = turned(corners[mask], *sizes, orientation)  # type: ignore[call-arg]
    return corners, np.tile(upright[owners], 2)
