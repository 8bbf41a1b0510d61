"""Pictures with boxes as samples: cached pixels, and the boxes in pixels of these."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from martlet.data.boxes.listing import Boxes, BoxListing
from martlet.data.boxes.preprocess import BoxPreprocess
from martlet.data.cache import PixelCache
from martlet.data.kind import Progress
from martlet.data.pictures.read import Listing, Picture

NO_BOX = -1  # the class of a target's rows that stand for none
# Columns of a target: class, left, top, right, bottom in pixels of the network's picture, whether
# it is a crowd; and by what across and down are multiplied to get the picture's own pixels.
COLUMNS = 8


class BoxSamples:
    """The readable pictures of a listing; a sample is uint8 (size, size, C), as the cache has it.

    labels: of each picture the rarest of its classes, so that a split by class puts some boxes of
    each into every part; a picture without boxes is one of the commonest class.
    """

    def __init__(self, listing: BoxListing, cache: PixelCache, size: int) -> None:
        self.listing, self.cache, self.size = listing, cache, size
        place = {name: number for number, name in enumerate(listing.pictures)}
        self.numbers = [place[name] for name in cache.names]  # of the cache's in the listing

    @classmethod
    def build(
        cls,
        listing: BoxListing,
        preprocess: BoxPreprocess,
        *,
        max_bad: float,
        progress: Progress | None,
    ) -> "BoxSamples":
        """Open the pixel cache of the listing's pictures, building it on the first visit."""
        pictures = tuple(
            Picture(name, label, part)
            for name, label, part in zip(
                listing.pictures, rarest(listing), listing.parts, strict=True
            )
        )
        found = Listing(listing.root, listing.classes, pictures, (), listing.notes)
        cache = PixelCache.build(found, preprocess, max_bad=max_bad, progress=progress)
        return cls(listing, cache, preprocess.size)

    def __len__(self) -> int:
        return len(self.cache)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return self.cache[index]

    @property
    def root(self) -> Path:
        """The folder of the pictures."""
        return self.listing.root

    @property
    def names(self) -> Sequence[str]:
        """Path of each picture below `root`."""
        return self.cache.names

    @property
    def classes(self) -> tuple[str, ...]:
        """Of the boxes."""
        return self.listing.classes

    @property
    def labels(self) -> Sequence[int]:
        """The rarest class of each picture."""
        return self.cache.labels

    @property
    def present(self) -> list[set[int]]:
        """All classes of each picture."""
        return [set(self.boxes(index).labels.tolist()) for index in range(len(self))]

    @property
    def parts(self) -> Sequence[str | None]:
        """As they were given."""
        return self.cache.parts

    @property
    def digests(self) -> Sequence[str]:
        """Hash of each picture's content."""
        return self.cache.digests

    @property
    def groups(self) -> None:
        """Told apart by content alone."""
        return None

    @property
    def odd(self) -> list[str]:
        """How annotations were understood, and what was not used."""
        return self.cache.odd

    def boxes(self, index: int) -> Boxes:
        """Of one picture, in its own pixels."""
        return self.listing.boxes[self.numbers[index]]

    def scale(self, index: int) -> tuple[float, float]:
        """By what x and y of the network's picture are multiplied to get those of the own one."""
        width, height = self.listing.sizes[self.numbers[index]]
        return width / self.size, height / self.size

    def targets(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        """(pictures, rows, COLUMNS), with at least one row each; numbers: class -> output."""
        most = max((len(self.boxes(index).labels) for index in range(len(self))), default=0)
        found = np.zeros((len(self), max(1, most), COLUMNS), np.float32)
        found[..., 0] = NO_BOX
        for index in range(len(self)):
            boxes, scale = self.boxes(index), self.scale(index)
            rows = found[index, : len(boxes.labels)]
            rows[:, 0] = np.asarray(numbers)[boxes.labels]
            rows[:, 1:5] = boxes.corners / np.array((*scale, *scale), np.float32)
            rows[:, 5] = boxes.crowd
            found[index, :, 6:] = scale
        return found

    def counts(self, indices: Sequence[int]) -> list[int]:
        """Boxes of each class in these pictures, crowds left out."""
        total = np.zeros(len(self.classes), np.int64)
        for index in indices:
            boxes = self.boxes(index)
            total += np.bincount(boxes.labels[~boxes.crowd], minlength=len(self.classes))
        return total.tolist()


def rarest(listing: BoxListing) -> list[int]:
    """The class of each picture that fewest pictures have; without boxes the commonest one."""
    classes = len(listing.classes)
    pictures = np.zeros(classes, np.int64)
    for boxes in listing.boxes:
        pictures[np.unique(boxes.labels)] += 1
    order = np.lexsort((np.arange(classes), pictures))
    rank = np.argsort(order)
    commonest = int(order[-1])
    return [
        int(boxes.labels[rank[boxes.labels].argmin()]) if len(boxes.labels) else commonest
        for boxes in listing.boxes
    ]
