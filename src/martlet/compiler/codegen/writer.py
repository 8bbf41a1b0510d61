"""The parts of the C file while they are written, and the layers that write them."""

import re
from collections.abc import Iterable, Iterator
from itertools import count

from martlet.compiler.codegen.c_text import function
from martlet.compiler.ir.program import Layer
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.ir.tensor_view import Buffer


class Writer:
    """Collects the parts of the C file; functions that are the same are written once.

    No two things at file scope have one name: whatever a node is called, what is written for it
    is called as `name` says. `taken` are names of other parts of the file.
    """

    def __init__(self, schedule: Schedule, taken: Iterable[str] = ()) -> None:
        self.schedule = schedule
        self._taken = {*taken}
        self._tables: dict[tuple[int, ...], str] = {}
        self.kernels: dict[str, str] = {}
        self.layers: list[str] = []
        self.tiles: dict[str, dict[str, None]] = {}  # by layer, for the report

    def name(self, wanted: str) -> str:
        """A name at file scope that is still free, and from now on is not: with a number if need
        be."""
        own = next(own for own in _numbered(wanted) if own not in self._taken)
        self._taken.add(own)
        return own

    def kernel(self, name: str, text: str) -> str:
        """Add a shared function; returns its name, with a number when something else has it."""
        for own in _numbered(name):
            written = text if own == name else re.sub(rf"\b{name}\b", own, text)
            if own not in self._taken:
                self.kernels[self.name(own)] = written
            if self.kernels.get(own) == written:
                break
        return own

    def tile(self, layer: str, size: str) -> None:
        """Note a tile of a layer, for the report."""
        self.tiles.setdefault(layer, {})[size] = None

    def table(self, wanted: str, values: Iterable[int]) -> str:
        """Add an array of offsets, or find the one that holds the same; returns its name."""
        listed = tuple(values)
        if listed in self._tables:
            return self._tables[listed]
        name = self._tables[listed] = self.name(wanted)
        text, line = [], "   "
        for value in listed:
            item = f" {value},"
            if len(line) + len(item) > 100:
                text.append(line)
                line = "   "
            line += item
        body = "\n".join([*text, line])
        self.layers.append(f"static const int32_t {name}[{len(listed)}] = {{\n{body}\n}};\n")
        return name

    def numbers(self, wanted: str, values: Iterable[float]) -> str:
        """Add an array of floats, exact; returns its name."""
        name, listed = self.name(wanted), [f"{float(value).hex()}f" for value in values]
        text = [", ".join(listed[start : start + 5]) for start in range(0, len(listed), 5)]
        body = ",\n    ".join(text)
        self.layers.append(f"static const float {name}[{len(listed)}] = {{\n    {body}}};\n")
        return name

    def row(self, buffer: Buffer, row: str, width: int) -> str:
        """C text of the floats from the first row of a block to row `row` of `width` places."""
        storage = self.schedule[buffer]
        if storage.parts == 1:
            place = f"{row} % {storage.ring}" if storage.ring else row
            return f"(long)({place}) * {width * buffer.lanes}"
        offsets = storage.row_offsets()
        name = f"row_{len(offsets)}x{buffer.spatial[-1]}"
        listed = ", ".join(map(str, offsets))
        text = f"static const int32_t {name}[{len(offsets)}] = {{{listed}}};\n"
        return f"{self.kernel(name, text)}[{row}]"

    def function(self, head: str, lines: Iterable[str]) -> None:
        """Add a layer's function."""
        self.layers.append(function(head, lines))


def _numbered(name: str) -> Iterator[str]:
    """The name, then the name with a number."""
    yield name
    yield from (f"{name}_{number}" for number in count(2))


class Kernel(Layer):
    """A layer that writes its C function, of a range of its rows or other pieces."""

    def emit(self, writer: Writer) -> str:
        """Write the function into the file; returns its call for the rows {from} to {to}.

        A call without these is the whole work.
        """
        raise NotImplementedError

    def pieces(self, writer: Writer, lines: Iterable[str]) -> str:
        """Write the layer's function of a range, with the pointers it needs; returns its call."""
        name, schedule = writer.name(f"{self.c_name}_layer"), writer.schedule
        outside = dict.fromkeys(b.base for b in self.reads if b.outside)
        rings = ["ring"] if any(schedule[b].ring for b in (*self.reads, *self.writes)) else []
        slices = ["slice"] if self.name in schedule.slices else []
        heads = [*(f"const float *{base}" for base in outside), "float *work"]
        heads += [*(f"float *{ring}" for ring in rings), "const float *weights", "int from, int to"]
        heads += [f"int {word}" for word in slices]
        body = list(lines)
        for given in ("work", "weights", "from", "to"):
            if not any(re.search(rf"\b{given}\b", line) for line in body):
                body.insert(0, f"(void){given};")
        writer.function(f"static void {name}({', '.join(heads)})", body)
        arguments = [*outside, "work", *rings, "weights", "{from}", "{to}", *slices]
        return f"{name}({', '.join(arguments)})"
