"""Row fusion: neighbouring layers, a band, run together, a few rows at a time.

A map of 112×112 and 96 channels is 5 MB: written by one layer and read by the next, it goes through
slow memory twice. Within a band the next layer reads each row while it is in the fast cache, and
only the rows that are still needed are kept, in a ring.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.ir.schedule import Schedule, Storage, Turns, cuts
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.ir.window import Window

FUSED_BYTES = 1 << 19  # bytes of a tensor from which on it is worth the trouble
MOST_LAYERS = 100  # of a band: whether one more fits is asked of all of them again
MOST_UNEVENNESS = 1.15  # times a thread's even share of the work that it may have in a band
WAKE_UP_MACS = 1_500_000  # multiplications that a thread does while it wakes another up


def fuse_rows(program: Program, threads: int = 1, large: int = FUSED_BYTES) -> Schedule:
    """The bands of a program, and the line buffers between their layers.

    `large` says from how many bytes of a tensor on; with less, the workspace is smaller.
    """
    bands = _bands(program, threads, large)
    several = [band for band in bands if len(band) > 1]
    turns = {band.start: _parts(program, band, threads) for band in several}
    pairs = [(band, number) for band in several for number in band[:-1]]
    rings = [_ring(program, band, number, turns[band.start]) for band, number in pairs]
    fused = Schedule(
        threads=threads,
        bands=tuple(bands),
        banded=frozenset(program.layers[number].name for band in several for number in band),
        turns=turns,
        storage={ring.buffer: ring for ring in rings},
    )
    slices: dict[str, tuple[int, ...]] = {}
    for _, number in pairs:
        layer, reader = program.layers[number], program.layers[number + 1]
        bounds = _slices(fused, layer, reader)
        slices |= {layer.name: bounds, reader.name: bounds} if bounds else {}
    return replace(fused, slices=slices)


def _bands(program: Program, threads: int, large: int) -> list[range]:
    """Neighbouring layers that run together."""
    readers: dict[Buffer, list[int]] = {}
    for number, layer in enumerate(program.layers):
        for buffer in layer.reads:
            readers.setdefault(buffer, []).append(number)
    bands, start = list[range](), 0
    while start < len(program.layers):
        end = start + 1
        while (
            end < min(len(program.layers), start + MOST_LAYERS)
            and _goes_on(program.layers[end - 1], program.layers[end], large)
            and readers[program.layers[end - 1].writes[0]] == [end]
            and _shares_well(program, range(start, end + 1), threads)
        ):
            end += 1
        bands.append(range(start, end))
        start = end
    return bands


def _goes_on(first: Layer, second: Layer, large: int) -> bool:
    """Whether both go row by row, and the second one's rows are those that the first makes."""
    buffer = first.writes[0]
    if first.row_window is None or second.row_window is None or buffer.bytes < large:
        return False
    (x,) = second.tensors(("x",))
    alike = x.spatial == buffer.spatial and not x.where[..., 2].any()
    return alike and all(other is buffer for other in x.buffers)


def _shares_well(program: Program, band: range, threads: int) -> bool:
    """Whether the band's work is about halved between two threads, and so on.

    What one thread's rows and the next one's both need is made twice, and few rows cannot be shared
    evenly: 7 rows behind a window with a stride of 2 are 5 and 9 of 14 before it.
    """
    if threads == 1:
        return True
    layers = [program.layers[number] for number in band]
    rows = [window.rows for window in _windows(program, band)]
    shares = []
    for part in pairwise(cuts(rows[-1], threads)):
        turns = _turns(program, band, *part)
        made = [end - begin for begin, end in zip(turns[0], turns[-1], strict=True)]
        shares.append(_macs(layers, made, rows))
    even = [-(-count // threads) for count in rows]
    return max(shares) <= MOST_UNEVENNESS * _macs(layers, even, rows)


def _windows(program: Program, band: range) -> list[Window]:
    windows = [program.layers[number].row_window for number in band]
    return [window for window in windows if window is not None]


def _macs(layers: Sequence[Layer], made: Sequence[int], rows: Sequence[int]) -> float:
    """Of so many rows of each layer."""
    each = zip(layers, made, rows, strict=True)
    return sum(layer.macs * some / most for layer, some, most in each)


def _turns(program: Program, band: range, first: int, last: int) -> Turns:
    """How many rows every layer of the band has made at the start and after each turn.

    A turn makes one row of the band's output, or those that are made at once, from row `first` on
    and up to `last`; rows that come before the first one needed count as made.
    """
    windows = _windows(program, band)
    begun = [first]
    for window in reversed(windows[1:]):
        begun.insert(0, window.first_row(begun[0]))
    turns = [tuple(begun)]
    for done in range(first + 1, last + 1):
        rows = [min(last, windows[-1].made_with(done))]
        for before, window in pairwise(reversed(windows)):
            rows.insert(0, window.made_with(before.rows_for(rows[0])))
        made = tuple(max(before, row) for before, row in zip(turns[-1], rows, strict=True))
        if made != turns[-1]:
            turns.append(made)
    return tuple(turns)


def _parts(program: Program, band: range, threads: int) -> tuple[Turns, ...]:
    """The turns of each thread, which makes some neighbouring rows of the band's output.

    In the first band the caller's own thread makes more rows: the others have yet to wake up.
    """
    rows, before = _windows(program, band)[-1].rows, 0
    macs = sum(program.layers[number].macs for number in band)
    if band[0] == 0 and threads > 1 and macs:
        before = min(rows // 2, rows * WAKE_UP_MACS // macs)
    bounds = [before + row for row in cuts(rows - before, threads)]
    return tuple(_turns(program, band, *part) for part in pairwise([0, *bounds[1:]]))


def _slices(schedule: Schedule, layer: Layer, reader: Layer) -> tuple[int, ...]:
    """Bounds of the blocks that a product and the depthwise convolution behind it take turns in.

    What they pass on is then still in the fastest cache. None where there is but one group.
    """
    groups = layer.block_groups(schedule)
    if len(groups) < 2 or not reader.goes_by_blocks:
        return ()
    buffer, (x,) = layer.writes[0], reader.tensors(("x",))
    in_order = x.blocks() == [(buffer, block) for block in range(buffer.blocks)]
    return tuple(accumulate(groups, initial=0)) if in_order else ()


def _ring(program: Program, band: range, number: int, parts: Sequence[Turns]) -> Storage:
    """Memory for the rows of this layer's output between the oldest one needed and the newest."""
    writer, reader = _windows(program, range(number, number + 2))
    place, rows = number - band[0], 1
    for turns in parts:
        for before, made in pairwise(turns):
            rows = max(rows, made[place] - reader.first_row(before[place + 1]))
    return Storage(program.layers[number].writes[0], ring=min(rows, writer.rows))
