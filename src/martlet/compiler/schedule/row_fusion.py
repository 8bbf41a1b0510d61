"""Bands: neighbouring layers that run together, a few rows at a time.

A map of 112×112 and 96 channels is 5 MB: written by one layer and read by the next, it goes through
slow memory twice. Within a band the next layer reads each row while it is in the fast cache, and
only the rows that are still needed are kept, in a ring.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from martlet.compiler.ir.program import Buffer, Layer, Maps, Program, cuts
from martlet.compiler.kernels.depthwise_pool import Windowed
from martlet.compiler.kernels.gemm import Product

LARGE = 1 << 19  # bytes of a tensor from which on it is worth the trouble
UNEVEN = 1.15  # times a thread's even share of the work that it may have in a band
LATE = 1_500_000  # multiplications that a thread does while it wakes another up


def make_bands(program: Program, large: int = LARGE) -> None:
    """Put the layers into bands and turn the buffers between them into rings.

    `large` says from how many bytes of a tensor on; with less, the workspace is smaller.
    """
    for layer in program.layers:  # as if for the first time
        layer.slices = ()
    for buffer in program.buffers:
        buffer.ring = 0
    readers: dict[int, list[int]] = {}
    for number, layer in enumerate(program.layers):
        for buffer in layer.reads:
            readers.setdefault(id(buffer), []).append(number)
    bands, start = [], 0
    while start < len(program.layers):
        end = start + 1
        while (
            end < len(program.layers)
            and _goes_on(program, end - 1, end, readers, large)
            and _shares_well(program, range(start, end + 1))
        ):
            end += 1
        bands.append(range(start, end))
        start = end
    program.bands = bands
    for band in bands:
        for number in band:
            program.layers[number].banded = len(band) > 1
        for number in band[:-1]:
            _make_ring(program, band, number)
        for number in band[:-1]:
            _make_slices(program.layers[number], program.layers[number + 1])


def _goes_on(
    program: Program, before: int, after: int, readers: dict[int, list[int]], large: int
) -> bool:
    """Whether the second layer reads what the first writes, alone, and both go row by row."""
    first, second = program.layers[before], program.layers[after]
    buffer = first.writes[0]
    fits = first.can_band and second.can_band and readers.get(id(buffer)) == [after]
    return fits and 4 * buffer.floats >= large and _only_source(second, buffer)


def _shares_well(program: Program, band: range) -> bool:
    """Whether the band's work is about halved between two threads, and so on.

    What one thread's rows and the next one's both need is made twice, and few rows cannot be shared
    evenly: 7 rows behind a window with a stride of 2 are 5 and 9 of 14 before it.
    """
    if program.threads == 1:
        return True
    layers = [program.layers[number] for number in band]
    rows = [layer.window.rows for layer in layers]  # type: ignore[attr-defined]
    shares = []
    for part in pairwise(cuts(rows[-1], program.threads)):
        turns = schedule(program, band, *part)
        made = [end - begin for begin, end in zip(turns[0], turns[-1], strict=True)]
        shares.append(_macs(layers, made, rows))
    even = [-(-count // program.threads) for count in rows]
    return max(shares) <= UNEVEN * _macs(layers, even, rows)


def _macs(layers: Sequence[Layer], made: Sequence[int], rows: Sequence[int]) -> float:
    """Of so many rows of each layer."""
    each = zip(layers, made, rows, strict=True)
    return sum(layer.macs * some / most for layer, some, most in each)


def _only_source(layer: Layer, buffer: Buffer) -> bool:
    """Whether the layer's rows come from this buffer alone, and are rows of its maps."""
    x: Maps = layer.x  # type: ignore[attr-defined]
    alike = x.spatial == buffer.spatial and not x.where[..., 2].any()
    return alike and all(other is buffer for other in x.buffers)


def schedule(
    program: Program, band: range, first: int = 0, last: int | None = None
) -> list[list[int]]:
    """How many rows every layer of the band has made at the start and after each turn.

    A turn makes one row of the band's output, from row `first` on and up to `last`; rows that come
    before the first one needed count as made.
    """
    layers = [program.layers[number] for number in band]
    last = layers[-1].rows if last is None else last
    begun = [first]
    for layer in reversed(layers[1:]):
        begun.insert(0, layer.first_row(begun[0]))
    turns = [begun]
    for done in range(first + 1, last + 1):
        rows = [done]
        for layer in reversed(layers[1:]):
            rows.insert(0, layer.rows_for(rows[0]))
        turns.append([max(before, row) for before, row in zip(turns[-1], rows, strict=True)])
    return turns


def parts(program: Program, band: range) -> list[list[list[int]]]:
    """The schedule of each thread, which makes some neighbouring rows of the band's output.

    In the first band the caller's own thread makes more rows: the others have yet to wake up.
    """
    rows, before = program.layers[band[-1]].rows, 0
    macs = sum(program.layers[number].macs for number in band)
    if band[0] == 0 and program.threads > 1 and macs:
        before = min(rows // 2, rows * LATE // macs)
    bounds = [before + row for row in cuts(rows - before, program.threads)]
    return [schedule(program, band, *part) for part in pairwise([0, *bounds[1:]])]


def _make_slices(layer: Layer, reader: Layer) -> None:
    """Let a product and the depthwise convolution behind it take turns, a few blocks at a time.

    What they pass on is then still in the fastest cache.
    """
    if not (isinstance(layer, Product) and isinstance(reader, Windowed)):
        return
    buffer = layer.writes[0]
    in_order = reader.x.blocks() == [(buffer, block) for block in range(buffer.blocks)]
    if layer.window.is_pointwise and in_order and len(layer.sizes()) > 1:
        layer.slices = reader.slices = [0, *accumulate(layer.sizes())]


def _make_ring(program: Program, band: range, number: int) -> None:
    """Keep of this layer's output only the rows between the oldest one needed and the newest."""
    layer, reader = program.layers[number], program.layers[number + 1]
    place, rows = number - band[0], 1
    for turns in parts(program, band):
        for before, made in pairwise(turns):
            rows = max(rows, made[place] - reader.first_row(before[place + 1]))
    layer.writes[0].ring = min(rows, layer.rows)
