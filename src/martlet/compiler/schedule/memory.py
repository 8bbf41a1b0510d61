"""Where every buffer lies in the workspace.

The unit is a block of channels, not a buffer: of the maps that a layer makes, some are read by the
next layer for the last time, some much later, as half of the channels behind every shuffle are. The
memory of a block is free for others as soon as nobody reads it any more. A layer that only changes
values one by one may write over what it reads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.ir.schedule import CACHE_LINE_BYTES, Schedule, Storage
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.schedule.barriers import foreign

Places = NDArray[np.int64]
MANY_PIECES = 4000  # from which on every order is tried once only
TRIES = 8  # from each order


@dataclass(frozen=True)
class Piece:
    """Neighbouring blocks of a buffer that are needed from layer `first` to layer `last`."""

    start: int  # bytes from the buffer's begin
    end: int
    first: int
    last: int


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
        _Item(
            buffer,
            schedule[buffer].bytes,
            pieces[buffer],
            min(piece.first for piece in pieces[buffer]),
            max(piece.last for piece in pieces[buffer]),
        )
        for buffer in program.buffers
        if buffer in pieces
    ]
    if schedule.threads == 1:
        size = _arrange(items, over)
        return replace(schedule, storage=_storage(schedule, items), workspace_bytes=size)
    rings = [item for item in items if schedule[item.buffer].ring]
    own = [item for item in items if schedule[item.buffer].parts > 1]
    shared = [item for item in items if item not in rings and item not in own]
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
    items: list[_Item],
    over: set[tuple[int, int]],
    fixed: Sequence[tuple[_Item, int]] = (),
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
    many = sum(len(item.pieces) for item in items) > MANY_PIECES
    for order in orders:
        turn = sorted(items, key=order)
        for _ in range(1 if many else TRIES):
            found = _place(turn, over, fixed)
            if found < best:
                best, places = found, [item.at for item in items]
            highest = [b for b in turn if b.at + b.bytes == found]
            if all(b in highest for b in turn[: len(highest)]):
                break
            turn = [*highest, *(b for b in turn if b not in highest)]  # they choose first now
    for item, at in zip(items, places, strict=True):
        item.at = at
    return best if items else 0


def _place(
    ordered: Sequence[_Item], over: set[tuple[int, int]], fixed: Sequence[tuple[_Item, int]]
) -> int:
    """Place the items in this order; returns the size of all."""
    placed = _Placed(sum(len(item.pieces) for item in (*ordered, *(item for item, _ in fixed))))
    for item, shift in fixed:
        placed.add(item, shift)
    partners: dict[int, list[_Item]] = {}
    known = {id(item.buffer): item for item in ordered}
    for one, other in over:
        if one in known and other in known:
            partners.setdefault(one, []).append(known[other])
    done = set[int]()
    for item in ordered:
        low, high, owner = placed.taken(item.pieces)
        at = _lowest(low, high)
        for partner in partners.get(id(item.buffer), ()):  # exactly over it is fine, partly is not
            if id(partner) in done and partner.at < at:
                others = owner != id(partner.buffer)
                if not np.any((low < partner.at) & (partner.at < high) & others):
                    at = partner.at
        item.at = at
        placed.add(item)
        done.add(id(item))
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


def lifetimes(program: Program, schedule: Schedule) -> dict[Buffer, list[Piece]]:
    """The pieces of every buffer of the workspace that is used."""
    spans: dict[Buffer, dict[int, list[int]]] = {}
    for buffer, block, begin, end in _uses(program, schedule):
        span = spans.setdefault(buffer, {}).setdefault(block, [begin, end])
        span[0], span[1] = min(span[0], begin), max(span[1], end)
    return {
        buffer: _joined(schedule[buffer].block_bytes, blocks) for buffer, blocks in spans.items()
    }


def _joined(size: int, blocks: dict[int, list[int]]) -> list[Piece]:
    """Neighbouring blocks of `size` bytes that are needed at the same time are one piece."""
    pieces: list[Piece] = []
    for block, (first, last) in sorted(blocks.items()):
        before = pieces[-1] if pieces else None
        if before and (before.end, before.first, before.last) == (block * size, first, last):
            pieces[-1] = Piece(before.start, before.end + size, first, last)
        else:
            pieces.append(Piece(block * size, block * size + size, first, last))
    return pieces


def _uses(program: Program, schedule: Schedule) -> Iterator[tuple[Buffer, int, int, int]]:
    """Every block of the workspace that a layer needs, and from which layer to which.

    Layers of a band run at the same time. Within a region a thread may be in its last band when
    another is in its first: then what one reads of the other's rows is still needed, and so is all
    memory that is not apart.
    """
    regions = _regions(schedule)
    for band in schedule.bands:
        for number in band:
            layer, region = program.layers[number], regions.get(number, band)
            reached = foreign(layer, schedule, number == band[-1]) if region != band else ()
            others = {id(buffer) for buffer in reached}
            written = ((buffer, block) for buffer in layer.writes for block in range(buffer.blocks))
            for buffer, block in (*written, *_blocks_read(layer)):
                begin, end, storage = band[0], band[-1], schedule[buffer]
                if storage.parts == 1 and not storage.ring:
                    begin, end = region[0], region[-1]
                elif id(buffer) in others:
                    end = region[-1]
                if not buffer.outside:
                    yield buffer, block, begin, end


def _regions(schedule: Schedule) -> dict[int, range]:
    """The barrier-free region of each layer, where there are several threads."""
    return {number: region for region in schedule.regions for number in region}


def _blocks_read(layer: Layer) -> Iterator[tuple[Buffer, int]]:
    """Which blocks of which buffers a layer reads; all of them where it does not say."""
    tensors = layer.tensors()
    found = {(id(buffer), block): buffer for maps in tensors for buffer, block in maps.blocks()}
    said = {id(buffer) for maps in tensors for buffer in maps.buffers}
    yield from ((buffer, block) for (_, block), buffer in found.items())
    for buffer in layer.reads:
        if id(buffer) not in said:
            yield from ((buffer, block) for block in range(buffer.blocks))


def aliases(program: Program, schedule: Schedule) -> set[tuple[int, int]]:
    """Pairs of buffers (their ids), either way round: a layer's output may alias its input."""
    last: dict[int, int] = {}
    for number, layer in enumerate(program.layers):
        for buffer in layer.reads:
            last[id(buffer)] = number
    regions = _regions(schedule)
    for band in schedule.bands:  # what other threads read in the same region stays as it was
        region = regions.get(band.start, band)
        for number in band if region != band else ():
            for buffer in foreign(program.layers[number], schedule, number == band[-1]):
                if last[id(buffer)] in region:
                    last[id(buffer)] = -1
    pairs: set[tuple[int, int]] = set()
    alone = {band[0] for band in schedule.bands if len(band) == 1}
    for number, layer in enumerate(program.layers):
        for source in _in_place(layer, schedule) if number in alone else ():
            if last[id(source)] == number:
                y = layer.writes[0]
                pairs |= {(id(source), id(y)), (id(y), id(source))}
    return pairs


def _in_place(layer: Layer, schedule: Schedule) -> Iterator[Buffer]:
    """Buffers that the layer's output may alias, each value in its own place."""
    y, there = layer.writes[0], schedule[layer.writes[0]]
    for x in layer.tensors(layer.in_place_with):
        buffer, here = x.buffers[0], schedule[x.buffers[0]]
        same_places = here.places == there.places
        alike = same_places and (buffer.blocks, buffer.lanes) == (y.blocks, y.lanes)
        in_order = x.blocks() == [(buffer, block) for block in range(buffer.blocks)]
        alone = sum(buffer in maps.buffers for maps in layer.tensors()) == len(x.buffers) == 1
        inside = not (buffer.outside or y.outside or here.ring or there.ring)
        if alike and in_order and alone and inside:
            yield buffer
