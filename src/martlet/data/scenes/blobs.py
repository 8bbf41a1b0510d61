"""Where the training pixels of a disjoint split lie: in blobs whose guards cost few test pixels.

A blob is the pixels of one class that are nearest to a seed pixel; its guard is what lies within a
number of rows and columns of it. Blobs are placed one after another, then each is moved in turn: of
some drawn seeds the one is taken with which the class that keeps least keeps most, then all keep
most together. So blobs come to lie at the borders of fields, and lean on others' guards.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isqrt

import numpy as np
from numpy.typing import NDArray

MOST_BLOBS = 16  # of one class
ALL_BLOBS = 512  # of all, if there are not more classes
SWEEPS = 6  # each blob is placed, then moved up to so often less one
PLACINGS = 24_000  # that are tried in all, about: seconds
FEWEST_SEEDS, MOST_SEEDS = 6, 36  # that are tried for a blob in one sweep
DRAWN = 8  # times as many pixels are drawn, to find some that are lost to the test anyway

Pixels = NDArray[np.int64]  # (n, 2): row, column
Score = tuple[int, float, int]


@dataclass(frozen=True)
class Blob:
    """pixels: (n, 2). near: which pixels of the scene's part `box` are within its guard."""

    seed: tuple[int, int]
    pixels: Pixels
    box: tuple[slice, slice]
    near: NDArray[np.bool_]


class Draws:
    """Numbers that follow from a seed alone, whatever the version of NumPy: its bit streams are
    guaranteed, what its generators make of them is not."""

    def __init__(self, *seed: int) -> None:
        self.stream = np.random.PCG64(seed)

    def order(self, count: int) -> NDArray[np.int64]:
        """The numbers below `count`, shuffled."""
        return np.argsort(self.stream.random_raw(count), kind="stable")

    def some(self, values: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """`count` of some values, among which one may come twice, or all where these are fewer."""
        if len(values) <= count:
            return values[self.order(len(values))]
        return values[(self.stream.random_raw(count) % np.uint64(len(values))).astype(np.int64)]


def place_blobs(
    labels: NDArray[np.int32],
    sizes: Mapping[int, int],
    *,
    window: int,
    guard: int,
    seed: Sequence[int],
) -> NDArray[np.bool_]:
    """The training pixels: (rows, columns), `sizes[label]` of each label.

    window: side in pixels; a class has about as many blobs as its pixels fill windows.
    guard: rows and columns around a blob that cannot be tested on.
    """
    search = _Search(labels, sizes, guard, seed)
    most = max(1, min(MOST_BLOBS, ALL_BLOBS // len(sizes)))
    wanted = [
        (number, size)
        for number, label in enumerate(search.present)
        for size in equal_shares(sizes[label], min(most, ceil(sizes[label] / window**2)))
    ]
    seeds = max(FEWEST_SEEDS, min(MOST_SEEDS, PLACINGS // (SWEEPS * len(wanted))))
    placed: list[Blob | None] = [None] * len(wanted)
    order = sorted(range(len(wanted)), key=lambda one: len(search.pixels[wanted[one][0]]))
    for _ in range(SWEEPS):
        before = list(placed)
        for one in order:
            placed[one] = search.moved(*wanted[one], placed[one], seeds, window)
        if all(old is new for old, new in zip(before, placed, strict=True)):
            break
        order = search.draws.order(len(wanted)).tolist()
    return search.taken


def equal_shares(size: int, count: int) -> list[int]:
    """`size` pixels in so many blobs."""
    return [size // count + (part < size % count) for part in range(count)]


class _Search:
    """Where blobs lie, and what each class keeps.

    numbers: (rows, columns): 0 no class, then 1 + the place of the label among those present.
    guards: (rows, columns): how many blobs are so near to a pixel that it is lost.
    kept: pixels of each class that are not lost, from number 1 on.
    """

    def __init__(
        self, labels: NDArray[np.int32], sizes: Mapping[int, int], guard: int, seed: Sequence[int]
    ) -> None:
        self.present = sorted(sizes)
        self.numbers = np.where(labels, np.searchsorted(self.present, labels) + 1, 0)
        order = np.argsort(self.numbers, axis=None, kind="stable")
        ends = np.cumsum(np.bincount(self.numbers.ravel(), minlength=len(sizes) + 1))
        self.pixels = np.split(order, ends[:-1])[1:]
        self.sides: tuple[int, int] = (labels.shape[0], labels.shape[1])
        self.taken = np.zeros(labels.shape, bool)
        self.guards = np.zeros(labels.shape, np.int32)
        self.kept = np.array([len(pixels) for pixels in self.pixels], np.int64)
        untrained = self.kept - [sizes[label] for label in self.present]
        self.testable = np.maximum(untrained, 1)
        self.guard = guard
        self.draws = Draws(*seed)

    def moved(self, number: int, size: int, blob: Blob | None, seeds: int, window: int) -> Blob:
        """Take away a blob, find the best of some places for it, and put it there."""
        if blob is not None:
            self._put(blob, -1)
        best, best_score = blob, (-1, 0.0, 0) if blob is None else self._score(blob)
        for seed in self._seeds(number, blob, seeds, window):
            other = self._blob(number, seed, size)
            score = self._score(other)
            if score > best_score:
                best, best_score = other, score
        assert best is not None  # each class has pixels that are not taken
        self._put(best, 1)
        return best

    def _seeds(
        self, number: int, blob: Blob | None, count: int, window: int
    ) -> Iterator[tuple[int, int]]:
        """Pixels of a class: of those that are lost anyway, of all, and near the present seed."""
        _, columns = self.sides
        free = self._free(self.draws.some(self.pixels[number], DRAWN * count))
        if not free.size:
            free = self.draws.some(self._free(self.pixels[number]), count)
        pools = [free[self.guards.ravel()[free] > 0], free]
        if blob is not None:
            low = np.maximum(np.array(blob.seed) - max(1, window // 4), 0)
            high = blob.seed[0] + max(1, window // 4) + 1, blob.seed[1] + max(1, window // 4) + 1
            part = np.s_[low[0] : high[0], low[1] : high[1]]
            near = np.argwhere((self.numbers[part] == number + 1) & ~self.taken[part]) + low
            pools.append(self.draws.some(near[:, 0] * columns + near[:, 1], count))
        for pool in pools:
            for index in pool[: count // len(pools)]:
                row, column = divmod(int(index), columns)
                yield row, column

    def _free(self, pixels: NDArray[np.int64]) -> NDArray[np.int64]:
        return pixels[~self.taken.ravel()[pixels]]

    def _blob(self, number: int, seed: tuple[int, int], size: int) -> Blob:
        """The free pixels of a class that are nearest to one of them."""
        (row, column), (rows, columns) = seed, self.sides
        reach = isqrt(size) // 2
        while True:
            top, left = max(0, row - reach), max(0, column - reach)
            part = np.s_[top : row + reach + 1, left : column + reach + 1]
            found = (self.numbers[part] == number + 1) & ~self.taken[part]
            if np.count_nonzero(found) >= size or reach > max(rows, columns):
                break
            reach += max(1, reach // 4)
        pixels = np.argwhere(found) + np.array([top, left])
        away = np.abs(pixels - seed)
        nearest = np.lexsort((away.sum(1), away.max(1)))[:size]
        pixels = pixels[nearest]
        low = np.maximum(pixels.min(0) - self.guard, 0)
        high = np.minimum(pixels.max(0) + self.guard + 1, (rows, columns))
        near = np.zeros(high - low, bool)
        near[tuple((pixels - low).T)] = True
        near = _widened(_widened(near, self.guard).T, self.guard).T
        return Blob(seed, pixels, np.s_[low[0] : high[0], low[1] : high[1]], near)

    def _score(self, blob: Blob) -> Score:
        """With this blob: how many classes keep anything, the smallest share that one of these
        keeps, and the pixels that all keep."""
        kept = self.kept - self._loss(blob)
        some = kept > 0
        share = (kept[some] / self.testable[some]).min(initial=1)
        return int(np.count_nonzero(some)), float(share), int(kept.sum())

    def _loss(self, blob: Blob) -> NDArray[np.int64]:
        lost = self.numbers[blob.box][blob.near & (self.guards[blob.box] == 0)]
        return np.bincount(lost, minlength=len(self.kept) + 1)[1:]

    def _put(self, blob: Blob, sign: int) -> None:
        """Add a blob to those that are placed (1), or take it away (-1)."""
        if sign > 0:
            self.kept -= self._loss(blob)
        self.guards[blob.box] += np.where(blob.near, sign, 0).astype(np.int32)
        if sign < 0:
            self.kept += self._loss(blob)
        self.taken[tuple(blob.pixels.T)] = sign > 0


def _widened(pixels: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Which are at most `reach` rows from one of `pixels`."""
    rows, columns = pixels.shape
    count = np.zeros((rows + 2 * reach + 1, columns), np.int32)
    np.cumsum(pixels, 0, out=count[reach + 1 : reach + 1 + rows])
    count[reach + 1 + rows :] = count[reach + rows]
    return np.asarray(count[2 * reach + 1 :] > count[:rows])
