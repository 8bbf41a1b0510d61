"""Maps in blocks of channels laid down place by place: of each place all channels, side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.program import TENSORS
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.kernels.generic import (
    LETTERS,
    Generic,
    Rows,
    axes_names,
    index,
    merge,
    nest,
)


@dataclass(frozen=True)
class Run:
    """Channels that lie side by side in blocks of one buffer: (places, blocks, lanes) of them."""

    source: Rows
    steps: tuple[int, int, int]  # of the same axes in what is written
    first: int  # number there of the first one


class ToRows(Generic):
    """y[place][channel] = x[channel][place], of one tensor behind the other."""

    operator = "copy"

    def __init__(self, name: str, parts: Sequence[Maps], y: Buffer) -> None:
        self.parts, self.runs, first = list(parts), list[Run](), 0
        for x in parts:
            self.runs += (Run(s, t, first + n) for s, t, n in _runs(x))
            first += prod(x.shape)
        super().__init__(name, [run.source for run in self.runs], y)
        self.moved = sum(2 * x.dtype.itemsize * prod(x.shape) for x in parts)

    def tensors(self, names: Sequence[str] = TENSORS) -> list[Maps]:
        """Its parts are all read alike, however many there are."""
        return list(self.parts) if "x" in names else []

    def other_buffers(self, names: Sequence[str]) -> Iterator[Buffer]:
        """It needs all of them whole."""
        return iter(self.reads)

    def summary(self) -> str:
        shapes = ", ".join(f"{prod(x.axes)}×{x.places}" for x in self.parts)
        return f"channels × places {shapes}, place by place"

    def emit(self, writer: Writer) -> str:
        lines = []
        for letter, run in zip(LETTERS, self.runs, strict=False):
            lines += self._moved(letter, run)
        return self.function(writer, lines)

    def _moved(self, letter: str, run: Run) -> list[str]:
        """The loops of one run; whole vectors go by one instruction."""
        places, blocks, lanes = run.source.shape
        whole = lanes == self.parts[0].lanes > 1
        sides = (places, blocks) if whole else run.source.shape
        steps = [own[: len(sides)] for own in (run.source.steps, run.steps)]
        merged, (read, write) = merge(sides, steps)
        names = axes_names("i", len(merged))
        target = f"y[{index(write, names)} + {run.first}]"
        source = f"{letter}[{index(read, names)}]"
        move = f"store(&{target}, load(&{source}));" if whole else f"{target} = {source};"
        return nest(merged, names, [move])


def _runs(x: Maps) -> Iterator[tuple[Rows, tuple[int, int, int], int]]:
    """Neighbours among the channels, in whole blocks or within one."""
    count, lanes = prod(x.axes), x.lanes
    places = x.channels()
    begin = 0
    while begin < count:
        buffer, slot, _ = places[begin]
        end = begin + 1
        while end < count and places[end][:2] == (buffer, slot + end - begin):
            end += 1
        # Up to the end of its block, or whole blocks.
        if slot % lanes or end - begin < lanes:
            end = min(end, begin + lanes - slot % lanes)
            blocks, own = 1, end - begin
        else:
            blocks, own = (end - begin) // lanes, lanes
            end = begin + blocks * lanes
        block = buffer.places * lanes
        start = slot // lanes * block + slot % lanes
        source = Rows(buffer, (x.places, blocks, own), (lanes, block, 1), start)
        yield source, (count, lanes, 1), begin
        begin = end


class FromRows(Generic):
    """Maps in blocks of what lies place by place: x (places, channels), y [blocks][places][V]."""

    operator = "copy"

    def __init__(self, name: str, x: Rows, y: Buffer) -> None:
        super().__init__(name, [x], y)
        self.x = x
        self.moved = 2 * y.dtype.itemsize * prod(x.shape)

    def summary(self) -> str:
        places, channels = self.x.shape
        return f"places × channels {places}×{channels}, in blocks of channels"

    def emit(self, writer: Writer) -> str:
        (places, channels), lanes = self.x.shape, self.y.lanes
        whole, rest = divmod(channels, lanes)
        place = f"a[p * {channels} + c * {lanes}]"
        lines = [
            f"for (long c = 0; c < {whole}; c++)",
            f"  for (long p = 0; p < {places}; p++)",
            f"    store(&y[(c * {places} + p) * {lanes}], load(&{place}));",
        ]
        if rest:
            lines += [
                f"for (long p = 0; p < {places}; p++)",
                f"  for (int l = 0; l < {rest}; l++)",
                f"    y[({whole * places} + p) * {lanes} + l] "
                f"= a[p * {channels} + {whole * lanes} + l];",
            ]
        return self.function(writer, lines)
