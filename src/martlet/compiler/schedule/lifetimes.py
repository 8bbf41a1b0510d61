"""Lifetimes of blocks, and which layers' outputs may alias an input.

Of the maps that a layer makes, some are read by the next layer for the last time, some much later,
as half of the channels behind every shuffle are: so a block of channels is looked at for itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.schedule.barriers import foreign


@dataclass(frozen=True)
class Piece:
    """Neighbouring blocks of a buffer that are needed from layer `first` to layer `last`."""

    start: int  # bytes from the buffer's begin
    end: int
    first: int
    last: int


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
            others = {*foreign(layer, number == band[-1])} if region != band else ()
            written = ((buffer, block) for buffer in layer.writes for block in range(buffer.blocks))
            for buffer, block in (*written, *_blocks_read(layer)):
                begin, end, storage = band[0], band[-1], schedule[buffer]
                if storage.parts == 1 and not storage.ring:
                    begin, end = region[0], region[-1]
                elif buffer in others:
                    end = region[-1]
                if buffer in schedule.kept:
                    begin, end = 0, len(program.layers) - 1
                if not buffer.outside:
                    yield buffer, block, begin, end


def _regions(schedule: Schedule) -> dict[int, range]:
    """The barrier-free region of each layer, where there are several threads."""
    return {number: region for region in schedule.regions for number in region}


def _blocks_read(layer: Layer) -> Iterator[tuple[Buffer, int]]:
    """Which blocks of which buffers a layer reads; all of them where it does not say."""
    tensors = layer.tensors()
    yield from dict.fromkeys(at for maps in tensors for at in maps.blocks())
    said = {buffer for maps in tensors for buffer in maps.buffers}
    for buffer in layer.reads:
        if buffer not in said:
            yield from ((buffer, block) for block in range(buffer.blocks))


def aliases(program: Program, schedule: Schedule) -> set[tuple[Buffer, Buffer]]:
    """Pairs of buffers, either way round: a layer's output may alias its input."""
    last = {b: number for number, layer in enumerate(program.layers) for b in layer.reads}
    regions = _regions(schedule)
    for band in schedule.bands:  # what other threads read in the same region stays as it was
        region = regions.get(band.start, band)
        for number in band if region != band else ():
            for buffer in foreign(program.layers[number], number == band[-1]):
                if last[buffer] in region:
                    last[buffer] = -1
    pairs = set[tuple[Buffer, Buffer]]()
    alone = {band[0] for band in schedule.bands if len(band) == 1}
    for number, layer in enumerate(program.layers):
        for source in _in_place(layer) if number in alone else ():
            y = layer.writes[0]
            if last[source] == number and schedule.kept.keys().isdisjoint((source, y)):
                pairs |= {(source, y), (y, source)}
    return pairs


def _in_place(layer: Layer) -> Iterator[Buffer]:
    """Buffers that the layer's output may alias, each value in its own place."""
    for x in layer.tensors(layer.in_place_with):
        buffer = x.buffers[0]
        in_order = x.blocks() == [(buffer, block) for block in range(buffer.blocks)]
        if in_order and sum(buffer in maps.buffers for maps in layer.tensors()) == 1:
            yield buffer
