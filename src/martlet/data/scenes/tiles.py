"""Batches of labelled pixels within tiles, for networks whose maps windows can share.

Windows of neighbours overlap, so a network that makes maps of a tile once, and takes each window's
part of them, computes less than one that is given window by window. A batch mixes the pixels of
several tiles: neighbours are alike, and a step of neighbours alone says little about the scene.

Nothing here keeps a state: tiles and their order follow from (seed, epoch), flips from (seed,
epoch, batch), as in `martlet.data.batches`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from martlet.data.balance import balanced_order, by_class
from martlet.data.batches import AUGMENT
from martlet.data.scenes.samples import SceneSamples
from martlet.data.share import WHOLE, Share

# No more of a batch than this share lies within so many rows and columns: fields are of one class.
# With twice as many, Indian Pines ended half a point behind batches of windows (docs/hybridsn.md).
NEIGHBOURS, NEIGHBOURHOOD = 1 / 32, 16
STRIP_ROWS = 32  # of a scene, scored at a time
STRIP_PIXELS = 1024  # labelled ones of these, at most
Indices = NDArray[np.int64]
Extent = tuple[int, int, int]  # tiles of one batch; their places for windows: rows, columns


class Tiles(NamedTuple):
    """Some windows of a few tiles.

    scenes: float32 (tiles, rows, columns, components) as they are cut out of a scene, and
        (tiles, 1, components, rows, columns) as a network's input.
    places: whole numbers (windows, 3): tile, row and column of each window's first pixel.
    """

    scenes: Tensor
    places: Tensor

    @property
    def device(self) -> torch.device:
        """Where both lie."""
        return self.scenes.device


@dataclass(frozen=True, eq=False)
class TileCutter:
    """Cuts the tiles out of a fitted scene that hold the windows of some of its pixels."""

    samples: SceneSamples
    targets: NDArray[Any]

    def extent(self, groups: Sequence[Indices]) -> Extent:
        """Tiles as large as the largest group needs."""
        rows, columns = self.samples.rows, self.samples.columns
        sides = [max(int(np.ptp(at[one])) + 1 for one in groups) for at in (rows, columns)]
        return len(groups), sides[0], sides[1]

    def cut(
        self, groups: Sequence[Indices], flips: NDArray[np.bool_] | None = None
    ) -> tuple[Tiles, Tensor]:
        """A tile for each group of pixels, and their targets, in the order of the groups.

        flips: (tiles, 2), whether a tile is turned over along its rows and along its columns.
        """
        preprocess, padded = self.samples.preprocess, self.samples.padded
        assert preprocess is not None
        number, rows, columns = self.extent(groups)
        sides = np.array((rows, columns))
        beyond = preprocess.window - 1
        scenes = np.empty((number, rows + beyond, columns + beyond, padded.shape[2]), np.float32)
        places = []
        for tile, group in enumerate(groups):
            at = np.stack((self.samples.rows[group], self.samples.columns[group]), 1)
            first = np.minimum(at.min(0), np.array(padded.shape[:2]) - beyond - sides)
            end = first + sides + beyond
            part, at = padded[first[0] : end[0], first[1] : end[1]], at - first
            for axis in (0, 1):
                if flips is not None and flips[tile, axis]:
                    part = np.flip(part, axis)
                    at[:, axis] = sides[axis] - 1 - at[:, axis]
            scenes[tile] = part
            places.append(np.column_stack((np.full(len(group), tile), at)))
        made = Tiles(torch.from_numpy(scenes), torch.from_numpy(np.concatenate(places)))
        return made, torch.from_numpy(self.targets[np.concatenate(groups)])


class TileLoader:
    """An epoch's batches, each of `batch_size` pixels, of several tiles or of a large one.

    side: of a tile, in places for windows: pixels in its middle that may be labelled.
    flip: turn tiles over along both axes by chance.
    balanced: each class is drawn as often as the others, pixels of small ones more than once.
    share: of each batch, when several processes train; the batches are those of one process.

    The last, smaller batch of an epoch is left out, as of batches of windows. Nothing is prepared
    ahead: a tile is a part of an array.
    """

    workers = 0

    def __init__(
        self,
        samples: SceneSamples,
        targets: Sequence[Any] | NDArray[Any],
        indices: Sequence[int],
        *,
        side: int,
        batch_size: int,
        flip: bool,
        seed: int,
        balanced: bool = False,
        share: Share = WHOLE,
    ) -> None:
        self.cutter = TileCutter(samples, np.asarray(targets))
        self.indices = np.asarray(indices, np.int64)
        self.batch_size = min(batch_size, len(self.indices))
        self.side, self.flip, self.seed = side, flip, seed
        self._by_class = by_class(self.cutter.targets, self.indices) if balanced else None
        self.places = share.of(self.batch_size)
        areas = max(1.0, (side / NEIGHBOURHOOD) ** 2)
        self.most = max(1, int(min(1.0, NEIGHBOURS * areas) * self.batch_size))  # of one tile

    def __len__(self) -> int:
        return len(self.indices) // self.batch_size

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tiles, Tensor]]:
        """The batches of `epoch`, from number `first` on."""
        for number, groups in enumerate(self.groups(epoch)[first:], first):
            rng = np.random.default_rng((self.seed, AUGMENT, epoch, number))
            turned = flips(len(groups), rng) if self.flip else None
            yield self.cutter.cut(*_within(self.places, groups, turned))

    def close(self) -> None:
        """Nothing is open."""

    def groups(self, epoch: int) -> list[list[Indices]]:
        """Of each batch, the pixels of each of its tiles; tiles lie elsewhere in each epoch."""
        rng = np.random.default_rng((self.seed, epoch))
        shape = self.cutter.samples.scene.shape[:2]  # a scene smaller than a tile is not cut
        down, right = rng.integers([self.side if self.side < length else 1 for length in shape])
        if self._by_class is None:
            order = rng.permutation(self.indices)
        else:
            order = balanced_order(self._by_class, len(self) * self.batch_size, self.seed, epoch)
        rows = (self.cutter.samples.rows[order] + down) // self.side
        columns = (self.cutter.samples.columns[order] + right) // self.side
        cells = rows * (columns.max() + 1) + columns
        by_cell = np.argsort(cells, kind="stable")  # shuffled within a cell
        ends = np.flatnonzero(np.diff(cells[by_cell])) + 1
        chunks = [
            cell[start : start + self.most]
            for cell in np.split(order[by_cell], ends)
            for start in range(0, len(cell), self.most)
        ]
        chunks = [chunks[number] for number in rng.permutation(len(chunks))]
        batches = _dealt(chunks, self.batch_size)
        return [_in_two(np.sort(batch[0])) if len(batch) == 1 else batch for batch in batches]

    def extents(self, epoch: int = 0) -> list[Extent]:
        """Of the tiles of each batch."""
        return [self.cutter.extent(groups) for groups in self.groups(epoch)]


class StripBatches:
    """Pixels in the order of rows, those of a strip of the scene at a time, to be scored."""

    def __init__(
        self,
        samples: SceneSamples,
        targets: Sequence[Any] | NDArray[Any],
        indices: Sequence[int],
    ) -> None:
        self.cutter = TileCutter(samples, np.asarray(targets))
        chosen = np.asarray(indices, np.int64)
        rows, self.groups, start = samples.rows[chosen], list[Indices](), 0
        while start < len(chosen):
            end = int(np.searchsorted(rows, rows[start] + STRIP_ROWS))
            end = min(end, start + STRIP_PIXELS)
            self.groups.append(chosen[start:end])
            start = end

    def __len__(self) -> int:
        return len(self.groups)

    def __iter__(self) -> Iterator[tuple[Tiles, Tensor]]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> tuple[Tiles, Tensor]:
        return self.cutter.cut(_in_two(self.groups[number]))

    def extents(self) -> list[Extent]:
        """Of the tiles of each batch."""
        return [self.cutter.extent(_in_two(group)) for group in self.groups]


def flips(tiles: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(tiles, 2): of the four ways round each is as frequent in a batch as the others."""
    ways = (rng.permutation(tiles) + rng.integers(4)) % 4
    return np.stack((ways & 1, ways >> 1), 1).astype(bool)


def _within(
    places: slice, groups: Sequence[Indices], turned: NDArray[np.bool_] | None
) -> tuple[list[Indices], NDArray[np.bool_] | None]:
    """Of a batch's pixels those at `places`, with the flips of the tiles that hold them."""
    ends = np.cumsum([len(group) for group in groups])
    parts = [
        group[max(0, places.start - end + len(group)) : max(0, places.stop - end + len(group))]
        for group, end in zip(groups, ends, strict=True)
    ]
    kept = [number for number, part in enumerate(parts) if len(part)]
    return [parts[number] for number in kept], None if turned is None else turned[kept]


def _in_two(group: Indices) -> list[Indices]:
    """Upper and lower half of a group in the order of rows.

    PyTorch's 3-D convolutions of a single cube take twice as long as those of its halves: on one
    thread they are done another way.
    """
    halves = np.array_split(group, 2)
    return halves if len(halves[1]) else halves[:1]


def _dealt(chunks: Sequence[Indices], batch_size: int) -> list[list[Indices]]:
    """Full batches of the chunks in turn; one that does not fit goes on in the next batch."""
    batches: list[list[Indices]] = []
    batch, free = list[Indices](), batch_size
    for chunk in chunks:
        while len(chunk):
            batch.append(chunk[:free])
            chunk, free = chunk[free:], free - len(batch[-1])
            if free == 0:
                batches.append(batch)
                batch, free = [], batch_size
    return batches
