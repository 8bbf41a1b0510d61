"""Which part each pixel of a label map is in, and what the parts share by their windows."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt

from martlet.errors import MartletError

# A map of a split holds these; one that is given may hold them too.
NO_CLASS, TRAIN, TEST, VAL, GUARD = range(5)
PART_VALUES = {"train": TRAIN, "val": VAL, "test": TEST, "guard": GUARD}


@dataclass(frozen=True, eq=False)
class PixelSplit:
    """The part of each pixel. Rows and columns count from 0, flat indices along the rows.

    labels: (rows, columns), int32; 0 is no class.
    parts: (rows, columns), uint8: NO_CLASS, TRAIN, TEST, VAL, or GUARD for labelled pixels that
        are left out.
    protocol: "disjoint", "random" or "given".
    window: side in pixels of what a network sees of a scene to label its centre; odd.
    names: of the labels, for sentences; the value itself without one.
    guard: of `disjoint`: rows or columns between training and held-out pixels, at least half a
        window.
    notes: sentences about what is out of the ordinary.

    Raises MartletError when `parts` are not those of the labelled pixels, and when a held-out
    pixel of a disjoint split lies in the guard.
    """

    labels: NDArray[np.int32] = field(repr=False)
    parts: NDArray[np.uint8] = field(repr=False)
    protocol: str
    window: int
    names: Mapping[int, str] = field(default_factory=dict, repr=False)
    guard: int = 0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        labelled = self.labels != 0
        if self.parts.shape != labelled.shape or ((self.parts != NO_CLASS) != labelled).any():
            raise MartletError("parts are not those of the labelled pixels.")
        if self.protocol == "disjoint":
            guard = max(self.guard, self.window // 2)
            near = np.count_nonzero(self._held_out & within(self.parts == TRAIN, guard))
            if near:
                raise MartletError(
                    f"{near:,} held-out pixels are within {guard} pixels of a training pixel."
                )

    @property
    def _held_out(self) -> NDArray[np.bool_]:
        return (self.parts == VAL) | (self.parts == TEST)

    def indices(self, part: str) -> NDArray[np.int64]:
        """Flat indices of a part ("train", "val", "test", "guard"), ascending."""
        return np.flatnonzero(self.parts == PART_VALUES[part])

    def counts(self, part: str) -> dict[int, int]:
        """Pixels of each label of the map in a part, in rising order of the labels."""
        present = np.unique(self.labels[self.labels != 0])
        here = self.labels[self.parts == PART_VALUES[part]]
        found = np.bincount(np.searchsorted(present, here), minlength=len(present))
        return {int(label): int(count) for label, count in zip(present, found, strict=True)}

    @property
    def kept(self) -> dict[int, float]:
        """Of each class, the share of the pixels not trained on that is held out, not guard."""
        train, guard, val, test = map(self.counts, ("train", "guard", "val", "test"))
        return {
            label: (val[label] + test[label]) / max(1, guard[label] + val[label] + test[label])
            for label in train
        }

    def test_in_windows(self, *, overlapping: bool = False) -> int:
        """How many test pixels lie in the window of a training pixel.

        overlapping: how many have a window that shares a pixel with one of a training pixel.
        """
        reach = self.window - 1 if overlapping else self.window // 2
        return int(np.count_nonzero((self.parts == TEST) & within(self.parts == TRAIN, reach)))

    @property
    def optimistic(self) -> bool:
        """Whether training has seen test pixels, or the like of them; such figures say so."""
        return self.protocol == "random" or self.test_in_windows() > 0

    @property
    def digest(self) -> str:
        """Of labels and parts: equal for the same split on any machine."""
        rows, columns = self.labels.shape
        known = hashlib.blake2b(f"{rows} {columns} ".encode(), digest_size=16)
        known.update(self.labels.astype("<i4").tobytes())
        known.update(self.parts.astype("u1").tobytes())
        return known.hexdigest()


def within(pixels: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Which pixels are at most `reach` rows and `reach` columns from one of `pixels`."""
    if not pixels.any():
        return pixels.copy()
    distances = distance_transform_cdt(~pixels, metric="chessboard")
    return np.asarray(distances <= reach)
