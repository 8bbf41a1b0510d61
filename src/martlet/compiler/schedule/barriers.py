"""Where threads wait for each other: only in front of a layer that reads what others have made.

Most layers of a network need of each input row the same row of their output alone. A thread that
makes the same rows in one such layer after the other finds all it needs in what it made itself, and
goes on without asking what the others do: threads meet once for each depthwise convolution, not
once for each layer.
"""

from collections.abc import Iterator

from martlet.compiler.ir.program import TENSORS, Buffer, Layer, Maps, Program

QUICK = 8_000_000  # multiplications of a band, beside which a meeting takes some time


def plan_meetings(program: Program) -> None:
    """Say which bands follow each other without a meeting: `program.stretches`, of layers.

    Within a stretch all bands are cut into the same rows, and nothing that is made in it is read
    but by those who made it. Layers that take long are left alone: memory that a thread no longer
    needs may still be read by others up to the end of the stretch.
    """
    stretches, written, rows = list[range](), set[int](), 0
    for band in program.bands:
        layers = [program.layers[number] for number in band]
        quick = sum(layer.macs for layer in layers) <= QUICK
        own = layers[-1].rows if layers[-1].by_rows and quick else 0
        others = {id(b) for layer in layers for b in foreign(layer, layer is layers[-1])}
        alike = own and own == rows and len(stretches) > 1  # the first is cut in another way
        if alike and written.isdisjoint(others):
            stretches[-1] = range(stretches[-1].start, band.stop)
        else:
            stretches.append(band)
            written = set()
        written |= {id(b) for layer in layers for b in layer.writes}
        rows = own
    program.stretches = stretches


def foreign(layer: Layer, is_last: bool) -> Iterator[Buffer]:
    """Buffers of which a piece of the layer also reads rows that are another thread's.

    `is_last`: of its band; those before make some rows more than their thread's own.
    """
    own = layer.own_rows if layer.by_rows and is_last else ()
    for name in TENSORS:
        for maps in layer.tensors((name,)):
            if name not in own or not _is_whole(maps):
                yield from maps.buffers
    said = {id(b) for maps in layer.tensors() for b in maps.buffers}
    yield from (b for b in layer.reads if id(b) not in said)


def _is_whole(maps: Maps) -> bool:
    """Whether its rows are those of its buffers."""
    return not maps.where[..., 2].any() and all(b.spatial == maps.spatial for b in maps.buffers)
