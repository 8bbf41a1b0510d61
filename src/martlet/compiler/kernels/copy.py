"""Data movement alone; the fewer copies the better, and the report counts their bytes."""

from math import prod

from martlet.compiler.codegen.writer import Kernel, Writer
from martlet.compiler.ir.tensor_view import Maps


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
        at, to = writer.schedule.offsets(self.x), writer.schedule.offsets(target)
        lines: list[str] = []
        for number, (source, members) in enumerate(self._sources().items()):
            read, write = [at[c] for c in members], [to[c] for c in members]
            own = f"{name}_part{chr(97 + number)}" if number else name
            lines += self._moves(writer, own, source, read, write)
        if not lines:
            return "(void)0"  # no values
        bases = sorted({buffer.base for buffer, _, _ in self.x.channels()})
        parameters = "".join(f"const float *{base}, " for base in bases)
        writer.function(f"static void {name}({parameters}float *to)", lines)
        return f"{name}({', '.join([*bases, target.buffers[0].base])})"

    def _sources(self) -> dict[tuple[str, int], list[int]]:
        """For each pointer and step from which channels are read, the numbers of the channels."""
        found: dict[tuple[str, int], list[int]] = {}
        for number, (buffer, _, _) in enumerate(self.x.channels()):
            found.setdefault((buffer.base, buffer.lanes), []).append(number)
        return found

    def _moves(
        self, writer: Writer, name: str, source: tuple[str, int], at: list[int], to: list[int]
    ) -> list[str]:
        """The loop over channels that lie alike, or one move of all."""
        (base, step), goal, places = source, self.target.lanes, self.x.places
        if not places * len(at):
            return []
        joined = all(
            here[0] + number * places == place
            for here in (at, to)
            for number, place in enumerate(here)
        )
        if joined and (places == 1 or step == goal == 1):
            size = self.x.dtype.itemsize * places * len(at)
            return [f"memcpy(to + {to[0]}, {base} + {at[0]}, {size});"]
        read, write = writer.table(f"{name}_at", at), writer.table(f"{name}_to", to)
        return [
            f"for (int c = 0; c < {len(at)}; c++)",
            f"  for (int p = 0; p < {places}; p++)",
            f"    to[{write}[c] + p * {goal}] = {base}[{read}[c] + p * {step}];",
        ]
