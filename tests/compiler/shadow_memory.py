"""A planned program run on shadow memory: every place knows which value lies in it.

The planner is not asked what is needed how long, or what other threads read: what each layer reads
and writes is said once more, from the C that its class writes.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.program import TENSORS, Layer, Program
from martlet.compiler.ir.schedule import CACHE_LINE_BYTES, Schedule, cuts
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.ir.window import Window
from martlet.compiler.kernels.channel_reduce import ByPlace
from martlet.compiler.kernels.channelwise import Activate, Join, Mean
from martlet.compiler.kernels.classifier_head import Head
from martlet.compiler.kernels.copy import Copy
from martlet.compiler.kernels.depthwise_pool import Windowed
from martlet.compiler.kernels.gemm import Product
from martlet.compiler.kernels.winograd import InputTiles, OutputsOfTiles

# Of which tensors a value is read for the value in the same place of the output alone.
ELEMENTWISE = {Activate: "x", ByPlace: "x", Join: ("x", "other"), Product: ("add",), Head: ("add",)}
# Of which tensors a layer finds, or puts, each row where its thread has it.
APART: Mapping[type[Layer], Sequence[str]] = {
    Activate: "xy", ByPlace: "xy", Head: ("x", "add"), Join: ("x", "other", "y"), Mean: "x",
    Product: ("x", "add", "y"), Windowed: "xy",
}  # fmt: skip
FLOAT_BYTES = 4
Numbers = NDArray[np.int64]
Part = tuple[Numbers, NDArray[np.bool_], NDArray[np.bool_]]  # memory, and what was read and written
Call = tuple[Layer, int, int, slice]  # pieces from and to, and which blocks
ALL = slice(None)


def check_memory(program: Program, schedule: Schedule) -> None:
    """Assert that each layer finds every value it reads, in whatever order threads do their parts.

    Between two barriers a part sees what was there before and what it made itself; what it writes,
    no other part reads or writes.
    """
    memory = _Memory(program, schedule)
    for region in schedule.regions or schedule.bands:
        bands = [band for band in schedule.bands if band.start in region]
        parts = [memory.part(bands, part) for part in range(schedule.threads)]
        for number, (_, _, written) in enumerate(parts):
            for _, read, others in (*parts[:number], *parts[number + 1 :]):
                assert not (written & (read | others)).any(), f"threads race in {region}"
        for values, _, written in parts:
            memory.values[written] = values[written]
        memory.values[memory.values >= memory.first_in_rings] = -1  # another thread may be next
    for name, maps in program.outputs:
        v = memory.numbers(maps)
        assert np.array_equal(memory.values[memory.places[v]], v), f"{name} is lost"


class _Memory:
    """Every value of every buffer has a number, those in line buffers the last ones."""

    def __init__(self, program: Program, schedule: Schedule) -> None:
        self.layers, self.schedule = program.layers, schedule
        self.first, places, end = dict[Buffer, int](), list[Numbers](), 0
        self.first_in_rings, size = 1 << 62, schedule.workspace_bytes // FLOAT_BYTES
        self.ring_floats, outside = schedule.ring_bytes // FLOAT_BYTES, size
        used = {b for layer in program.layers for b in (*layer.reads, *layer.writes)}
        for buffer in sorted(used, key=lambda buffer: schedule[buffer].ring > 0):
            own, ring = self._places(buffer), schedule[buffer].ring
            last = (schedule.threads - 1) * self.ring_floats if ring else 0
            assert schedule[buffer].at % CACHE_LINE_BYTES == 0
            assert schedule[buffer].stride % CACHE_LINE_BYTES == 0
            assert buffer.outside or own.max(initial=-1) + last < size, "beyond the workspace"
            if ring:
                self.first_in_rings = min(self.first_in_rings, end)
            if buffer.outside:
                own, outside = own + outside, outside + own.size
            self.first[buffer], end = end, end + own.size
            places.append(own)
        self.places, self.values = np.concatenate(places), np.full(outside, -1)
        for buffer in used & {b for _, maps in program.inputs for b in maps.buffers}:
            given = self.whole(buffer)
            self.values[self.places[given]] = given

    def _places(self, buffer: Buffer) -> Numbers:
        """Where every number of a buffer lies, as the C text has it; rings of the first thread."""
        storage, line = self.schedule[buffer], prod(buffer.spatial[-1:]) * buffer.lanes
        rows = np.arange(prod(buffer.spatial[:-1])) * line
        if storage.ring:
            rows = rows % (storage.ring * line) + self.schedule.rings_at // FLOAT_BYTES
        elif storage.parts > 1:
            rows = np.array(storage.row_offsets())
        blocks = storage.start + np.arange(buffer.blocks) * storage.places * buffer.lanes
        return (blocks[:, None, None] + rows[:, None] + np.arange(line)).reshape(-1)

    def numbers(self, maps: Maps, places: Numbers | slice = ALL, blocks: slice = ALL) -> Numbers:
        """Of every channel's values, or of the channels in some blocks, at some places."""
        kept = {*maps.blocks()[blocks]}
        firsts = [
            self.first[b] + (slot // b.lanes * b.places + place) * b.lanes + slot % b.lanes
            for b, slot, place in maps.channels()
            if (b, slot // b.lanes) in kept
        ]
        return np.array(firsts, int)[:, None] + np.arange(maps.places)[places] * maps.lanes

    def whole(self, buffer: Buffer, places: slice = ALL, blocks: slice = ALL) -> Numbers:
        """Of all lanes of a buffer, or of some blocks, at some places."""
        lines = np.arange(buffer.blocks)[blocks, None] * buffer.places
        starts = self.first[buffer] + (lines + np.arange(buffer.places)[places]) * buffer.lanes
        return starts[..., None] + np.arange(buffer.lanes)

    def part(self, bands: list[range], part: int) -> Part:
        """What one part of a region makes of memory."""
        values, places = self.values.copy(), self.places.copy()
        places[self.first_in_rings :] += part * self.ring_floats
        read, written, now = (np.zeros(values.shape, bool) for _ in range(3))
        for call in (call for band in bands for call in self._calls(band, part)):
            reads, writes = self._accesses(*call)
            name = call[0].name
            for v in writes:
                now[places[v]] = True
            for v, made in reads:
                here = places[v]
                over = now[here]
                assert np.array_equal(values[here], v), f"what {name} reads is gone"
                alone = np.full(v.shape, -1) if made is None else places[made]
                assert np.array_equal(here[over], alone[over]), f"{name} overwrites what it reads"
                read[here] = True
            for v in writes:
                now[places[v]], written[places[v]], values[places[v]] = False, True, v
        return values, read, written

    def _calls(self, band: range, part: int) -> Iterator[Call]:
        """The calls of one part, in order; the first one's are all of what is not cut by places."""
        first, schedule = self.layers[band.start], self.schedule
        if len(band) == 1:
            by_places = isinstance(first, Product) and first.by_places(schedule)
            cut = first.by_rows(schedule) or by_places
            ends = cuts(first.rows(schedule), schedule.threads)[part : part + 2]
            if cut or part == 0:
                yield first, *(ends if cut else (0, 0)), ALL
            return
        for before, after in pairwise(schedule.turns[band.start][part]):
            calls = [*zip([self.layers[n] for n in band], before, after, strict=True)]
            while calls:
                layer, *_ = calls[0]
                bounds = schedule.slices.get(layer.name, ())
                together, calls = calls[: 2 if bounds else 1], calls[2 if bounds else 1 :]
                for blocks in [slice(*pair) for pair in pairwise(bounds)] or [ALL]:
                    yield from ((*call, blocks) for call in together)

    def _accesses(
        self, layer: Layer, start: int, end: int, blocks: slice
    ) -> tuple[list[tuple[Numbers, Numbers | None]], list[Numbers]]:
        """What a call reads, with what is made of it value by value if so, and what it writes."""
        made, y = ALL, layer.writes[0]
        seen: Numbers | slice = ALL  # places of x
        if layer.by_rows(self.schedule):
            width = y.places // layer.rows(self.schedule)
            made = seen = slice(start * width, end * width)
        elif isinstance(layer, Product) and layer.by_places(self.schedule):
            size, longer = divmod(y.places, self.schedule.threads)
            made = seen = slice(*(part * size + min(part, longer) for part in (start, end)))
        windowed = isinstance(layer, Product | Windowed | InputTiles)
        if windowed and not layer.window.is_pointwise and made != ALL:
            seen = _seen(layer.window, range(start, end))
        if isinstance(layer, OutputsOfTiles):
            rows, tiles = layer.window, layer.x.spatial[-1]
            seen = slice(rows.first_row(start) * tiles, rows.rows_for(end) * tiles)
        reads, said = list[tuple[Numbers, Numbers | None]](), set[Buffer]()
        for name in TENSORS:
            for maps in layer.tensors((name,)):
                alike = maps.places == y.places
                each = alike and name in ELEMENTWISE.get(type(layer), ())
                where = seen if name == "x" else made if alike else ALL
                alone = self.numbers(maps.beside(y), where) if each else None
                own = blocks if isinstance(layer, Windowed) else ALL
                reads.append((self.numbers(maps, where, own), alone))
                said |= {*maps.buffers}
                self._rows_are_found(layer, name, maps.buffers, maps.spatial)
        reads += [(self.whole(buffer), None) for buffer in layer.reads if buffer not in said]
        self._rows_are_found(layer, "", [b for b in layer.reads if b not in said])
        self._rows_are_found(layer, "y", layer.writes, y.spatial)
        if isinstance(layer, Copy):
            return reads, [self.numbers(layer.target)]
        return reads, [self.whole(buffer, made, blocks) for buffer in layer.writes]

    def _rows_are_found(
        self, layer: Layer, name: str, buffers: Sequence[Buffer], spatial: tuple[int, ...] = ()
    ) -> None:
        """Assert that the layer knows of rows that lie apart, alike in all buffers of a tensor."""
        rings = {self.schedule[buffer].ring for buffer in buffers}
        assert len(rings) <= 1, f"no pointer of {layer.name} reaches maps and a ring"
        apart = {self.schedule[buffer].parts for buffer in buffers} - {1}
        if apart:
            assert name in APART.get(type(layer), ()), f"{layer.name} needs all rows side by side"
            alike = {(self.schedule[b].parts, b.spatial) for b in buffers} == {(*apart, spatial)}
            assert alike, f"rows of {layer.name} lie in different ways"


def _seen(window: Window, rows: range) -> Numbers | slice:
    """The places of the input that a window sees from some rows of the output."""
    if not window.is_flat:
        return ALL
    taps = [k * window.dilation[1] - window.pad[1] for k in range(window.kernel[1])]
    lines = {row * window.stride[1] + tap for row in rows for tap in taps}
    inside = np.array(sorted(lines & {*range(window.size[1])}), int)
    return (inside[:, None] * window.size[2] + np.arange(window.size[2])).reshape(-1)
