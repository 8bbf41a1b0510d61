"""Layers that only move data; the fewer the better, and the report counts their bytes."""

from math import prod

from swiftlet.compiler.program import Layer, Maps, Writer, c_name


class Copy(Layer):
    """Moves every channel of `x` to where `target` has it.

    The copy to the caller's own array is part of the interface, and does not count as moved.
    """

    def __init__(self, name: str, x: Maps, target: Maps) -> None:
        self.name, self.x, self.target = name, x, target
        self.reads, self.writes = list(x.buffers), list(target.buffers)
        self.moved = 0 if target.buffers[0].outside else 8 * prod(x.shape)

    def summary(self) -> str:
        return f"copy of {self.x.shape}"

    def emit(self, writer: Writer) -> str:
        name, x, target = c_name(self.name), self.x, self.target
        base, goal = x.buffers[0].base, target.buffers[0].base
        at, to = x.offsets(), target.offsets()
        places = x.places
        run = _run(at, to) if places == 1 else 0
        if run == len(at):
            lines = [f"memcpy(to + {to[0]}, from + {at[0]}, {4 * run});"]
        else:
            writer.table(f"{name}_at", at)
            writer.table(f"{name}_to", to)
            lines = [
                f"for (int c = 0; c < {len(at)}; c++)",
                f"  for (int p = 0; p < {places}; p++)",
                f"    to[{name}_to[c] + p * {target.lanes}] = from[{name}_at[c] + p * {x.lanes}];",
            ]
        writer.function(f"static void {name}(const float *from, float *to)", lines)
        return f"{name}({base}, {goal})"


def _run(at: list[int], to: list[int]) -> int:
    """How many values from the first on lie side by side on both sides."""
    count = 1
    while count < len(at) and at[count] == at[0] + count and to[count] == to[0] + count:
        count += 1
    return count
