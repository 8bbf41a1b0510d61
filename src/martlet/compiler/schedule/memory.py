"""Where every buffer lies in the arena: a static plan, made once.

The unit is a block of channels, not a buffer: the memory of a block is free for others as soon as
nobody reads it any more. The output of an in-place operator may alias its input.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.program import Program
from martlet.compiler.ir.schedule import CACHE_LINE_BYTES, Schedule, Storage
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.schedule.lifetimes import Piece, aliases, lifetimes

Places = NDArray[np.int64]
MANY_PIECES = 4000  # from which on every order is tried once only
HUGE_PIECES = 16_000  # from which on there is but one order
TRIES = 8  # from each order


@dataclass(eq=False)
class _Item:
    """A buffer while a place for it is looked for."""

    buffer: Buffer
    bytes: int
    pieces: list[Piece]
    first: int  # layer that needs it first
    last: int
    at: int = 0


def plan_memory(program: Program, schedule: Schedule) -> Schedule:
    """With an offset for every buffer, and the size of the workspace.

    One after the other, each at the lowest place that is free while it is needed; of several
    orders the one with the smallest workspace. Layers of one band live at the same time. With
    several threads, each has memory for itself, as large for all, and rings behind all else.
    """
    pieces, over = lifetimes(program, schedule), aliases(program, schedule)
    items = [
        _Item(b, schedule[b].bytes, own, min(p.first for p in own), max(p.last for p in own))
        for b, own in ((b, pieces[b]) for b in program.buffers if b in pieces)
    ]
    if schedule.threads == 1:
        size = _arrange(items, over)
        return replace(schedule, storage=_storage(schedule, items), workspace_bytes=size)
    rings = [item for item in items if schedule[item.buffer].ring]
    own = [item for item in items if schedule[item.buffer].parts > 1]
    apart = {*rings, *own}
    shared = [item for item in items if item not in apart]
    each = _rounded(_arrange(own, over))
    fixed = [(item, part * each) for item in own for part in range(schedule.threads)]
    rings_at = _rounded(max(schedule.threads * each, _arrange(shared, over, fixed)))
    ring_bytes = _rounded(_arrange(rings, over))
    return replace(
        schedule,
        storage=_storage(schedule, items, each),
        rings_at=rings_at,
        ring_bytes=ring_bytes,
        workspace_bytes=rings_at + schedule.threads * ring_bytes,
    )


def _storage(schedule: Schedule, items: list[_Item], each: int = 0) -> dict[Buffer, Storage]:
    """With the items' places; threads' rows are `each` bytes from one thread to the next."""
    storage = dict(schedule.storage)
    for item in items:
        before = schedule[item.buffer]
        storage[item.buffer] = replace(before, at=item.at, stride=each if before.parts > 1 else 0)
    return storage


def _rounded(size: int) -> int:
    """Up to whole cache lines, so that no two threads write to one."""
    return -(-size // CACHE_LINE_BYTES) * CACHE_LINE_BYTES


def _arrange(
    items: list[_Item], over: set[tuple[Buffer, Buffer]], fixed: Sequence[tuple[_Item, int]] = ()
) -> int:
    """Offsets from 0 on, by the best of several orders; returns the size in bytes.

    Items in `fixed` have their places, so many bytes behind their offsets.
    """
    orders = (
        lambda b: (-b.bytes, b.first),
        lambda b: (-b.bytes * (b.last - b.first + 1), b.first),
        lambda b: (-(b.last - b.first), -b.bytes),
        lambda b: (b.first, -b.bytes),
    )
    best, places = 1 << 62, list[int]()
    count = sum(len(item.pieces) for item in items)
    for order in orders[: 1 if count > HUGE_PIECES else len(orders)]:
        turn = sorted(items, key=order)
        for left in reversed(range(1 if count > MANY_PIECES else TRIES)):
            found = _place(turn, over, fixed)
            if found < best:
                best, places = found, [item.at for item in items]
            highest = {b: None for b in turn if left and b.at + b.bytes == found}
            if all(b in highest for b in turn[: len(highest)]):
                break
            turn = [*highest, *(b for b in turn if b not in highest)]  # they choose first now
    for item, at in zip(items, places, strict=True):
        item.at = at
    return best if items else 0


def _place(
    ordered: Sequence[_Item], over: set[tuple[Buffer, Buffer]], fixed: Sequence[tuple[_Item, int]]
) -> int:
    """Place the items in this order; returns the size of all."""
    placed = _Placed(sum(len(item.pieces) for item in (*ordered, *(item for item, _ in fixed))))
    for item, shift in fixed:
        placed.add(item, shift)
    partners: dict[Buffer, list[_Item]] = {}
    known = {item.buffer: item for item in ordered}
    for one, other in over:
        if one in known and other in known:
            partners.setdefault(one, []).append(known[other])
    done = set[_Item]()
    for item in ordered:
        low, high, owner = placed.taken(item.pieces)
        at = _lowest(low, high)
        for partner in partners.get(item.buffer, ()):  # exactly over it is fine, partly is not
            if partner in done and partner.at < at:
                others = owner != id(partner.buffer)
                if not np.any((low < partner.at) & (partner.at < high) & others):
                    at = partner.at
        item.at = at
        placed.add(item)
        done.add(item)
    return max((item.at + item.bytes for item in ordered), default=0)


class _Placed:
    """The pieces of all buffers that have a place: start, end, first, last, and whose they are."""

    def __init__(self, most: int) -> None:
        self._rows = np.empty((5, most), np.int64)
        self._count = 0

    def add(self, item: _Item, shift: int = 0) -> None:
        for piece in item.pieces:
            self._rows[:, self._count] = (
                item.at + shift + piece.start,
                item.at + shift + piece.end,
                piece.first,
                piece.last,
                id(item.buffer),
            )
            self._count += 1

    def taken(self, own: list[Piece]) -> tuple[Places, Places, Places]:
        """Open intervals, from and to, in which a buffer cannot begin, and because of whom."""
        start, end, first, last, owner = self._rows[:, : self._count]
        low, high, whose = [], [], []
        for piece in own:
            together = (piece.first <= last) & (first <= piece.last)
            low.append(start[together] - piece.end)
            high.append(end[together] - piece.start)
            whose.append(owner[together])
        return np.concatenate(low), np.concatenate(high), np.concatenate(whose)


def _lowest(low: Places, high: Places) -> int:
    """The lowest multiple of a cache line that lies in none of the open intervals."""
    order = np.argsort(low)
    low, high = low[order], high[order]
    lines = -(-np.maximum(high, 0) // CACHE_LINE_BYTES)
    free = np.maximum.accumulate(lines * CACHE_LINE_BYTES)
    before = np.concatenate(([0], free))[:-1] if len(free) else free
    gaps = np.flatnonzero(low >= before)  # it lies in no interval before, and in none behind
    if len(gaps):
        return int(before[gaps[0]])
    return int(free[-1]) if len(free) else 0
