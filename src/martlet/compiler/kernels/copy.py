"""Data movement alone; the fewer copies the better, and the report counts their bytes."""

from collections.abc import Container, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.codegen.writer import Kernel, Writer
from martlet.compiler.ir.tensor_view import Maps
from martlet.compiler.kernels.generic import axes_names, index, nest
from martlet.compiler.kernels.turn import OF_BLOCKS, TO_BLOCKS, turn

MOST_PIECES = 64  # whose loops are written; of more, a table says where all channels lie
LEAST_TURNED = 4  # neighbours in a block that a square of all lanes is worth
LEAST_CHANNELS = 16  # of a piece on average: the loops of fewer are longer than the table
Numbers = NDArray[np.int64]
Places = NDArray[np.int64]  # (channels, 2): from where and to where each of them goes


class Piece(NamedTuple):
    """Channels that lie in even steps: first places, and (how many, steps) of each loop."""

    first: tuple[int, int]
    loops: Sequence[tuple[int, int, int]]

    def lines(self, base: str, step: int, goal: int, places: int) -> list[str]:
        """C loops over its channels and their places, what is written close together innermost."""
        loops = sorted([*self.loops, (places, step, goal)], key=lambda loop: -abs(loop[2]))
        sides = [count for count, *_ in loops if count > 1]
        names = axes_names("i", len(sides))
        read, write = (
            index(tuple(loop[side] for loop in loops if loop[0] > 1), names) for side in (1, 2)
        )
        source, target = (
            f"{place} + {text}" if place else text
            for place, text in zip(self.first, (read, write), strict=True)
        )
        return nest(sides, names, [f"to[{target}] = {base}[{source}];"])

    def squares(self, writer: Writer, base: str, lanes: int, way: str, places: int) -> list[str]:
        """C loops over squares of its places and channels, which lie in blocks on one side.

        Where the places are no whole squares, the last one has some of the one before again.
        """
        count, here, there = self.loops[-1]
        outer = self.loops[:-1]
        names, own = axes_names("i", len(outer)), turn(writer, lanes, count, way)
        steps = (lanes, 1) if way == OF_BLOCKS else (1, lanes)
        source, target = (
            f"{place} + {index((*(loop[side] for loop in outer), step), [*names, 'p'])}"
            for place, side, step in zip(self.first, (1, 2), steps, strict=True)
        )
        maps = there if way == OF_BLOCKS else here
        body = [
            f"for (long next = 0; next < {places}; next += {lanes}) {{",
            f"  const long p = next + {lanes} <= {places} ? next : {places - lanes};",
            f"  {own}({base} + {source}, to + {target}, {maps});",
            "}",
        ]
        return nest([count for count, *_ in outer], names, body)

    def is_square(self, way: str, lanes: int) -> bool:
        """Whether enough of its channels are neighbours in a block."""
        if not self.loops:
            return False
        count, here, there = self.loops[-1]
        if way == TO_BLOCKS:
            return (count, there) == (lanes, 1)
        return LEAST_TURNED <= count <= lanes and here == 1


def pieces_of(where: Places) -> list[Piece]:
    """All channels as few pieces; none where they are too many."""
    found, most = list[Piece](), min(MOST_PIECES, max(4, len(where) // LEAST_CHANNELS))
    while len(where):
        if len(found) == most:
            return []
        count, loops = _even(where)
        found.append(Piece((int(where[0, 0]), int(where[0, 1])), loops))
        where = where[count:]
    return found


def _even(where: Places) -> tuple[int, list[tuple[int, int, int]]]:
    """How many channels from the first one on lie in even steps, and their loops."""
    loops, starts, taken = list[tuple[int, int, int]](), where, 1
    while len(starts) > 1:
        steps = np.diff(starts, axis=0)
        uneven = np.flatnonzero((steps != steps[0]).any(axis=1))
        run = int(uneven[0]) + 1 if len(uneven) else len(starts)
        whole = len(starts) // run
        parts = starts[: whole * run].reshape(whole, run, 2)
        alike = (parts - parts[:, :1] == parts[0] - parts[0, 0]).all(axis=(1, 2))
        loops.insert(0, (run, int(steps[0, 0]), int(steps[0, 1])))
        taken *= run
        starts = parts[: len(alike) if alike.all() else int(np.argmin(alike)), 0]
        if run == 1:
            break
    return taken, loops


class Copy(Kernel):
    """Moves every channel of `x` to where `target` has it.

    Both name the same axes. The copy to the caller's own array is part of the interface, and does
    not count as moved.
    """

    operator = "copy"

    def __init__(self, name: str, x: Maps, target: Maps) -> None:
        self.name, self.x, self.target = name, x, target
        self.reads, self.writes = list(x.buffers), list(target.buffers)
        self.moved = 0 if target.buffers[0].outside else 2 * x.dtype.itemsize * prod(x.shape)

    def passes_on(self, x: Maps) -> Maps:
        return self.target

    def summary(self) -> str:
        return f"copy of {self.x.shape}"

    def emit(self, writer: Writer) -> str:
        name, target = writer.name(self.c_name), self.target
        at, to = (writer.schedule.offset_array(maps) for maps in (self.x, target))
        lines: list[str] = []
        sources = self._sources()
        for number, (source, members) in enumerate(sources.items()):
            read, write = at[members], to[members]
            own = f"{name}_part{chr(97 + number)}" if number else name
            heads = {(int(read[n]), int(write[n])) for n in np.flatnonzero(self._heads()[members])}
            lines += self._moves(writer, own, source, read, write, heads)
        if not lines:
            return "(void)0"  # no values
        bases = sorted({base for base, _ in sources})
        parameters = "".join(f"const float *{base}, " for base in bases)
        writer.function(f"static void {name}({parameters}float *to)", lines)
        return f"{name}({', '.join([*bases, target.buffers[0].base])})"

    def _sources(self) -> dict[tuple[str, int], Numbers]:
        """For each pointer and step from which channels are read, the numbers of the channels."""
        number = self.x.where.reshape(-1, 3)[:, 0]
        used, first = np.unique(number, return_index=True)
        buffers: dict[tuple[str, int], list[int]] = {}
        for one in used[np.argsort(first)].tolist():
            buffer = self.x.buffers[one]
            buffers.setdefault((buffer.base, buffer.lanes), []).append(one)
        return {key: np.flatnonzero(np.isin(number, own)) for key, own in buffers.items()}

    def _heads(self) -> NDArray[np.bool_]:
        """Which channels are the first lane of a block on both sides."""
        sides = (self.x, self.target)
        slots = [maps.where.reshape(-1, 3)[:, 1] % maps.lanes for maps in sides]
        heads: NDArray[np.bool_] = (slots[0] == 0) & (slots[1] == 0)
        return heads

    def _moves(
        self,
        writer: Writer,
        name: str,
        source: tuple[str, int],
        at: Numbers,
        to: Numbers,
        heads: Container[tuple[int, int]],
    ) -> list[str]:
        """The loop over channels that lie alike, or one move of all."""
        (base, step), goal, places = source, self.target.lanes, self.x.places
        if not places * len(at):
            return []
        steps = np.arange(len(at)) * places
        joined = all(np.array_equal(here, here[0] + steps) for here in (at, to))
        if joined and (places == 1 or step == goal == 1):
            size = self.x.dtype.itemsize * places * len(at)
            return [f"memcpy(to + {to[0]}, {base} + {at[0]}, {size});"]
        where = np.stack([at, to], axis=1)
        orders = (where, where[np.argsort(at)], where[np.argsort(to)])
        pieces = min(filter(None, map(pieces_of, orders)), key=len, default=[])
        if pieces:
            lines = list[str]()
            lanes, way = max(step, goal), OF_BLOCKS if step > 1 else TO_BLOCKS
            turns = min(step, goal) == 1 < lanes <= places
            for piece in pieces:
                if turns and piece.first in heads and piece.is_square(way, lanes):
                    lines += piece.squares(writer, base, lanes, way, places)
                else:
                    lines += piece.lines(base, step, goal, places)
            return lines
        read, write = (
            writer.table(f"{name}_{word}", here.tolist()) for word, here in (("at", at), ("to", to))
        )
        return [
            f"for (int c = 0; c < {len(at)}; c++)",
            f"  for (int p = 0; p < {places}; p++)",
            f"    to[{write}[c] + p * {goal}] = {base}[{read}[c] + p * {step}];",
        ]
