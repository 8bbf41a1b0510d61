"""Where every buffer lies in the workspace.

The unit is a block of channels, not a buffer: of the maps that a layer makes, some are read by the
next layer for the last time, some much later, as half of the channels behind every shuffle are. The
memory of a block is free for others as soon as nobody reads it any more. A layer that only changes
values one by one may write over what it reads.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.program import Buffer, Layer, Program
from martlet.compiler.kernels.channelwise import Activate, Join, Pairing
from martlet.compiler.kernels.classifier_head import Head
from martlet.compiler.kernels.gemm import Product
from martlet.compiler.schedule.barriers import foreign

Places = NDArray[np.int64]
LINE = 16  # floats of a cache line
MANY = 4000  # pieces from which on every order is tried once only
TURNS = 8  # tries from each order


@dataclass(frozen=True)
class Piece:
    """Neighbouring blocks of a buffer that are needed from layer `first` to layer `last`."""

    start: int  # floats from the buffer's begin
    end: int
    first: int
    last: int


def plan(program: Program) -> int:
    """Give every buffer its offset; returns the size of the workspace in floats.

    One after the other, each at the lowest place that is free while it is needed; of several
    orders the one with the smallest workspace. Layers of one band live at the same time. With
    several threads, each has memory for itself, as large for all, and rings behind all else.
    """
    pieces = _pieces(program)
    over = _over(program)
    buffers = [buffer for buffer in program.buffers if id(buffer) in pieces]
    if program.threads == 1:
        program.floats = _arrange(buffers, pieces, over)
        return program.floats
    rings = [buffer for buffer in buffers if buffer.ring]
    own = [buffer for buffer in buffers if buffer.parts > 1]
    shared = [buffer for buffer in buffers if not buffer.ring and buffer.parts == 1]
    each = _rounded(_arrange(own, pieces, over))
    for buffer in own:
        buffer.apart = each
    fixed = [(buffer, part * each) for buffer in own for part in range(program.threads)]
    size = max(program.threads * each, _arrange(shared, pieces, over, fixed))
    program.ring_at = _rounded(size)
    program.ring_floats = _rounded(_arrange(rings, pieces, over))
    program.floats = program.ring_at + program.threads * program.ring_floats
    return program.floats


def _rounded(floats: int) -> int:
    """Up to whole cache lines, so that no two threads write to one."""
    return -(-floats // LINE) * LINE


def _arrange(
    buffers: list[Buffer],
    pieces: dict[int, list[Piece]],
    over: set[tuple[int, int]],
    fixed: Sequence[tuple[Buffer, int]] = (),
) -> int:
    """Offsets from 0 on, by the best of several orders; returns the size in floats.

    Buffers in `fixed` have their places, so many floats behind their offsets.
    """
    orders = (
        lambda b: (-b.floats, b.first),
        lambda b: (-b.floats * (b.last - b.first + 1), b.first),
        lambda b: (-(b.last - b.first), -b.floats),
        lambda b: (b.first, -b.floats),
    )
    best, places = 1 << 62, dict[int, int]()
    many = sum(len(pieces[id(buffer)]) for buffer in buffers) > MANY
    for order in orders:
        turn = sorted(buffers, key=order)
        for _ in range(1 if many else TURNS):
            found = _place(turn, pieces, over, fixed)
            if found < best:
                best, places = found, {id(buffer): buffer.at for buffer in buffers}
            highest = [b for b in turn if b.at + b.floats == found]
            if all(b in highest for b in turn[: len(highest)]):
                break
            turn = [*highest, *(b for b in turn if b not in highest)]  # they choose first now
    for buffer in buffers:
        buffer.at = places[id(buffer)]
    return best if buffers else 0


def _place(
    ordered: Sequence[Buffer],
    pieces: dict[int, list[Piece]],
    over: set[tuple[int, int]],
    fixed: Sequence[tuple[Buffer, int]],
) -> int:
    """Place the buffers in this order; returns the size of all."""
    counts = (len(pieces[id(buffer)]) for buffer, _ in fixed)
    placed = _Placed(sum(map(len, pieces.values())) + sum(counts))
    for buffer, shift in fixed:
        placed.add(buffer, pieces[id(buffer)], shift)
    partners: dict[int, list[Buffer]] = {}
    known = {id(buffer): buffer for buffer in ordered}
    for one, other in over:
        if one in known and other in known:
            partners.setdefault(one, []).append(known[other])
    done = set[int]()
    for buffer in ordered:
        own = pieces[id(buffer)]
        low, high, owner = placed.taken(own)
        at = _lowest(low, high)
        for partner in partners.get(id(buffer), ()):  # exactly over it is fine, partly is not
            if id(partner) in done and partner.at < at:
                others = owner != id(partner)
                if not np.any((low < partner.at) & (partner.at < high) & others):
                    at = partner.at
        buffer.at = at
        placed.add(buffer, own)
        done.add(id(buffer))
    return max((buffer.at + buffer.floats for buffer in ordered), default=0)


class _Placed:
    """The pieces of all buffers that have a place: start, end, first, last, and whose they are."""

    def __init__(self, most: int) -> None:
        self._rows = np.empty((5, most), np.int64)
        self._count = 0

    def add(self, buffer: Buffer, own: list[Piece], shift: int = 0) -> None:
        for piece in own:
            self._rows[:, self._count] = (
                buffer.at + shift + piece.start,
                buffer.at + shift + piece.end,
                piece.first,
                piece.last,
                id(buffer),
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
    free = np.maximum.accumulate(-(-np.maximum(high, 0) // LINE) * LINE)
    before = np.concatenate(([0], free))[:-1] if len(free) else free
    gaps = np.flatnonzero(low >= before)  # it lies in no interval before, and in none behind
    if len(gaps):
        return int(before[gaps[0]])
    return int(free[-1]) if len(free) else 0


def _pieces(program: Program) -> dict[int, list[Piece]]:
    """The pieces of every buffer of the workspace that is used, by the buffer's id."""
    spans: dict[int, dict[int, list[int]]] = {}
    for buffer in program.buffers:
        buffer.first = buffer.last = -1
    for buffer, block, begin, end in _uses(program):
        span = spans.setdefault(id(buffer), {}).setdefault(block, [begin, end])
        span[0], span[1] = min(span[0], begin), max(span[1], end)
        buffer.first = begin if buffer.first < 0 else min(buffer.first, begin)
        buffer.last = max(buffer.last, end)
    known = {id(buffer): buffer for buffer in program.buffers}
    return {key: _joined(known[key], blocks) for key, blocks in spans.items()}


def _joined(buffer: Buffer, blocks: dict[int, list[int]]) -> list[Piece]:
    size = buffer.places * buffer.lanes
    pieces: list[Piece] = []
    for block, (first, last) in sorted(blocks.items()):
        before = pieces[-1] if pieces else None
        if before and (before.end, before.first, before.last) == (block * size, first, last):
            pieces[-1] = Piece(before.start, before.end + size, first, last)
        else:
            pieces.append(Piece(block * size, block * size + size, first, last))
    return pieces


def _uses(program: Program) -> Iterable[tuple[Buffer, int, int, int]]:
    """Every block of the workspace that a layer needs, and from which layer to which.

    Layers of a band run at the same time. Within a stretch a thread may be in its last band when
    another is in its first: then what one reads of the other's rows is still needed, and so is all
    memory that is not apart.
    """
    stretches = _stretches(program)
    for band in program.bands or [range(i, i + 1) for i in range(len(program.layers))]:
        for number in band:
            layer, stretch = program.layers[number], stretches.get(number, band)
            several = stretch != band
            others = {id(b) for b in foreign(layer, number == band[-1])} if several else set()
            written = ((buffer, block) for buffer in layer.writes for block in range(buffer.blocks))
            for buffer, block in (*written, *_blocks_read(layer)):
                begin, end = band[0], band[-1]
                if buffer.parts == 1 and not buffer.ring:
                    begin, end = stretch[0], stretch[-1]
                elif id(buffer) in others:
                    end = stretch[-1]
                if not buffer.outside:
                    yield buffer, block, begin, end


def _stretches(program: Program) -> dict[int, range]:
    """The stretch of each layer, where threads have any."""
    return {number: stretch for stretch in program.stretches for number in stretch}


def _blocks_read(layer: Layer) -> Iterable[tuple[Buffer, int]]:
    """Which blocks of which buffers a layer reads; all of them where it does not say."""
    tensors = layer.tensors()
    found = {(id(buffer), block): buffer for maps in tensors for buffer, block in maps.blocks()}
    said = {id(buffer) for maps in tensors for buffer in maps.buffers}
    yield from ((buffer, block) for (_, block), buffer in found.items())
    for buffer in layer.reads:
        if id(buffer) not in said:
            yield from ((buffer, block) for block in range(buffer.blocks))


def _over(program: Program) -> set[tuple[int, int]]:
    """Pairs of buffers, either way round, of which the later may lie exactly over the earlier."""
    last: dict[int, int] = {}
    for number, layer in enumerate(program.layers):
        for buffer in layer.reads:
            last[id(buffer)] = number
    stretches = _stretches(program)
    for band in program.bands:  # what other threads read in the same stretch stays as it was
        stretch = stretches.get(band.start, band)
        for number in band if stretch != band else ():
            for buffer in foreign(program.layers[number], number == band[-1]):
                if last[id(buffer)] in stretch:
                    last[id(buffer)] = -1
    pairs: set[tuple[int, int]] = set()
    alone = {band[0] for band in program.bands if len(band) == 1}
    for number, layer in enumerate(program.layers):
        for source in _sources(layer) if number in alone else ():
            if last[id(source)] == number:
                y = layer.writes[0]
                pairs |= {(id(source), id(y)), (id(y), id(source))}
    return pairs


def _sources(layer: Layer) -> list[Buffer]:
    """Buffers whose values a layer changes one by one, each in its own place of the output."""
    if isinstance(layer, (Head, Product)):
        read, changed = [layer.x, layer.add, layer.gate], [layer.add]
    elif isinstance(layer, Join) and layer.other.places == layer.x.places:
        read = changed = [layer.x, layer.other]
    elif isinstance(layer, Pairing):
        read, changed = [layer.x, layer.other], [layer.x]
    elif isinstance(layer, Activate):
        read = changed = [layer.x]
    else:
        return []
    y, found = layer.writes[0], []
    for x in changed:
        if x is None or len(x.buffers) != 1:
            continue
        buffer = x.buffers[0]
        alike = (buffer.blocks, buffer.lanes, buffer.places) == (y.blocks, y.lanes, y.places)
        in_order = x.blocks() == [(buffer, block) for block in range(buffer.blocks)]
        alone = sum(maps is not None and buffer in maps.buffers for maps in read) == 1
        inside = not (buffer.outside or y.outside or buffer.ring or y.ring)
        found += [buffer] if alike and in_order and alone and inside else []
    return found
