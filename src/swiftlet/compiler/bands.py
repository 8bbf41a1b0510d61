"""Bands: neighbouring layers that run together, a few rows at a time.

A map of 112×112 and 96 channels is 5 MB: written by one layer and read by the next, it goes through
slow memory twice. Within a band the next layer reads each row while it is in the fast cache, and
only the rows that are still needed are kept, in a ring.
"""

from itertools import accumulate, pairwise

from swiftlet.compiler.layers.product import Product
from swiftlet.compiler.layers.windowed import Windowed
from swiftlet.compiler.program import Buffer, Layer, Maps, Program, cuts

LARGE = 1 << 19  # bytes of a tensor from which on it is worth the trouble


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
        while end < len(program.layers) and _goes_on(program, end - 1, end, readers, large):
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
    """The schedule of each thread, which makes some neighbouring rows of the band's output."""
    bounds = pairwise(cuts(program.layers[band[-1]].rows, program.threads))
    return [schedule(program, band, *part) for part in bounds]


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
