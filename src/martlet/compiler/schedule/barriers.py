"""Barrier elimination: threads wait only in front of a layer that reads what others have made.

Most layers of a network need of each input row the same row of their output alone. A thread that
makes the same rows in one such layer after the other finds all it needs in what it made itself, and
goes on without asking what the others do: a barrier is left for each depthwise convolution, not
for each layer.
"""

from collections.abc import Iterator
from dataclasses import replace

from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.tensor_view import Buffer

QUICK_MACS = 8_000_000  # multiplications of a band, beside which a barrier takes some time


def eliminate_barriers(program: Program, schedule: Schedule) -> Schedule:
    """With the regions of bands that follow each other without a barrier.

    Within a region all bands are cut into the same rows, and nothing that is made in it is read
    but by those who made it. Layers that take long are left alone: memory that a thread no longer
    needs may still be read by others up to the end of the region.
    """
    regions, written, rows = list[range](), set[Buffer](), 0
    for band in schedule.bands:
        layers = [program.layers[number] for number in band]
        last, quick = layers[-1], sum(layer.macs for layer in layers) <= QUICK_MACS
        own = last.rows(schedule) if last.by_rows(schedule) and quick else 0
        others = {b for layer in layers for b in foreign(layer, layer is last)}
        alike = own and own == rows and len(regions) > 1  # the first is cut in another way
        if alike and written.isdisjoint(others):
            regions[-1] = range(regions[-1].start, band.stop)
        else:
            regions.append(band)
            written = set()
        written |= {*last.writes}  # what the others make is read in the band alone
        rows = own
    return replace(schedule, regions=tuple(regions))


def foreign(layer: Layer, is_last: bool) -> Iterator[Buffer]:
    """Buffers of which a piece of the layer also reads rows that are another thread's.

    `is_last`: of its band; those before make some rows more than their thread's own.
    """
    return layer.other_buffers(layer.own_rows if is_last else ())
