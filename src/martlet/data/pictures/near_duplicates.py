"""Pictures that are nearly the same: two of a burst, a copy of another size, loss or colour.

A network that has seen one in training is asked what it knows when the other is held out. Hashes
find the candidates, the small gray copies themselves decide.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from martlet.data.kind import Samples
from martlet.data.pictures.perceptual_hash import NONE, small_gray

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]  # numbers of pictures (N,), and of others (N,)

# Chosen by looking at what is found among 1,000 flowers and the 60,000 pictures of CIFAR-10; see
# docs/checking_data.md.
DISTANCE = 8  # bits of 64 in which two hashes may differ
ALIKE = 0.8  # correlation of two small gray copies, at least
MANY, DISTANCE_OF_MANY = 200_000, 4  # from so many pictures on: the time is of their square
_AT_ONCE = 1 << 21  # comparisons
_LOOKED_AT = 1 << 12  # pairs, before what they tell is used
_BITS = 64


class Alike(NamedTuple):
    """A picture of one part, and one of a part nearer to training that it is nearly the same as."""

    held: int
    part: str
    other: int
    other_part: str


def group_names(
    samples: Samples, hashes: Sequence[int], given: Sequence[str] | None = None
) -> list[str]:
    """The group of each picture: those that a chain of near duplicates, or `given`, connects.

    A group is called as the least of its contents' digests, whatever the files are called.
    """
    numbers = np.arange(len(samples))
    root = numbers.copy()
    if given is not None:
        first: dict[str, int] = {}
        firsts = [first.setdefault(group, n) for n, group in enumerate(given)]
        root = _joined(root, (numbers, np.array(firsts, np.int64)))
    alike = _Copies(samples)
    for i, j in near_pairs(hashes):
        while len(i):
            apart = root[i] != root[j]
            i, j = i[apart], j[apart]
            pairs = alike.confirmed((i[:_LOOKED_AT], j[:_LOOKED_AT]))
            root = _joined(root, pairs) if len(pairs[0]) else root
            i, j = i[_LOOKED_AT:], j[_LOOKED_AT:]
    least: dict[int, str] = {}
    for number, digest in zip(root.tolist(), samples.digests, strict=True):
        least[number] = min(digest, least.get(number, digest))
    return [least[number] for number in root.tolist()]


def across_parts(
    samples: Samples, hashes: Sequence[int], parts: Sequence[Sequence[int]], names: Sequence[str]
) -> list[Alike]:
    """The pictures that are nearly the same as one of a part before theirs, the closest ones first.

    parts, names: numbers of the pictures of each part, from training on, and what it is called.
    Each picture comes once.
    """
    rank = np.full(len(samples), -1)
    for number, part in enumerate(parts):
        rank[list(part)] = number
    codes = np.asarray(hashes, np.uint64)
    nearest = np.full(len(samples), _BITS + 1)
    partner = np.zeros(len(samples), np.int64)
    alike = _Copies(samples)
    for i, j in near_pairs(hashes):
        held, other = np.where(rank[i] > rank[j], (i, j), (j, i))
        wanted = (rank[i] != rank[j]) & (rank[other] >= 0)
        held, other = held[wanted], other[wanted]
        while len(held):
            closer = np.bitwise_count(codes[held] ^ codes[other]) < nearest[held]
            held, other = held[closer], other[closer]
            pairs = alike.confirmed((held[:_LOOKED_AT], other[:_LOOKED_AT]))
            for one, two in zip(*(numbers.tolist() for numbers in pairs), strict=True):
                distance = (int(codes[one]) ^ int(codes[two])).bit_count()
                if distance < nearest[one]:
                    nearest[one], partner[one] = distance, two
            held, other = held[_LOOKED_AT:], other[_LOOKED_AT:]
    found = np.flatnonzero(nearest <= _BITS)
    order = found[np.argsort(nearest[found], kind="stable")].tolist()
    return [Alike(n, names[rank[n]], int(partner[n]), names[rank[partner[n]]]) for n in order]


def near_pairs(hashes: Sequence[int], distance: int | None = None) -> Iterator[Pairs]:
    """Pictures whose hashes differ in up to `distance` bits; each pair comes once, i before j.

    Two such hashes share one of distance + 1 bands of bits at least, so that pictures are compared
    within the buckets of each band alone (Norouzi et al. 2012, arXiv 1307.2982).
    """
    codes = np.asarray(hashes, np.uint64)
    if distance is None:
        distance = DISTANCE if len(codes) < MANY else DISTANCE_OF_MANY
    edges = [_BITS * n // (distance + 1) for n in range(distance + 2)]
    masks = [np.uint64((1 << high) - (1 << low)) for low, high in pairwise(edges)]
    known = np.flatnonzero(codes != NONE)
    for number, mask in enumerate(masks):
        order = known[np.argsort(codes[known] & mask, kind="stable")]
        ends = np.flatnonzero(np.diff(codes[order] & mask)) + 1
        for bucket in np.split(order, ends):
            for i, j in _within(codes, bucket, distance):
                differs = codes[i] ^ codes[j]
                fresh = np.ones(len(i), bool)  # an earlier band had the others
                for earlier in masks[:number]:
                    fresh &= (differs & earlier) != 0
                if fresh.any():
                    yield i[fresh], j[fresh]


def _within(codes: NDArray[np.uint64], bucket: NDArray[np.int64], distance: int) -> Iterator[Pairs]:
    """The pairs in a bucket, each once; some rows of comparisons are in memory at a time."""
    rows, own = max(1, _AT_ONCE // max(1, len(bucket))), codes[bucket]
    for start in range(0, len(bucket) - 1, rows):
        differs = own[start : start + rows, None] ^ own[None, start + 1 :]
        i, j = np.nonzero(np.bitwise_count(differs) <= distance)
        later = j >= i  # j counts from start + 1
        if later.any():
            yield bucket[start + i[later]], bucket[start + 1 + j[later]]


def _joined(root: NDArray[np.int64], pairs: Pairs) -> NDArray[np.int64]:
    """The component of each picture, after these pairs have joined theirs."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    i, j = (np.concatenate((numbers, others)) for numbers, others in zip(
        pairs, (np.arange(len(root)), root), strict=True
    ))  # fmt: skip
    graph = coo_array((np.ones(len(i), bool), (i, j)), shape=(len(root), len(root)))
    found: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    # A component is called by its first picture, which is a picture's number again.
    _, first = np.unique(found, return_index=True)
    return first[found]


class _Copies:
    """The small gray copies of the pictures that were asked for, with mean 0 and length 1."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._known: dict[int, NDArray[np.float16]] = {}

    def confirmed(self, pairs: Pairs) -> Pairs:
        """Those of the pairs that look alike."""
        i, j = pairs
        alike = [
            self._of(a) @ self._of(b) >= ALIKE for a, b in zip(i.tolist(), j.tolist(), strict=True)
        ]
        kept = np.array(alike, bool)
        return i[kept], j[kept]

    def _of(self, number: int) -> NDArray[np.float32]:
        if number not in self._known:
            values = small_gray(self._samples[number]).ravel()
            values -= values.mean()
            values /= max(float(np.linalg.norm(values)), 1e-6)
            self._known[number] = values.astype(np.float16)
        return self._known[number].astype(np.float32)
