"""Sums of products of tensors by the letters of their axes (Einsum), any letters."""

from collections.abc import Mapping, Sequence
from math import prod

from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels.generic import (
    LETTERS,
    Generic,
    Rows,
    Steps,
    axes_names,
    index,
    merge,
    nest,
    row_steps,
)


class Einsum(Generic):
    """y[result letters] = the sum over all other letters of the product of the operands."""

    operator = "matrix product"

    def __init__(
        self,
        name: str,
        operands: Sequence[Rows],
        terms: Sequence[Sequence[str]],
        result: Sequence[str],
        sides: Mapping[str, int],
        y: Buffer,
    ) -> None:
        """`terms` are the letters of each operand's axes, `sides` how long each letter is."""
        super().__init__(name, operands, y)
        self.terms, self.result, self.sides = terms, result, sides
        self.macs = prod(sides.values()) * max(1, len(operands) - 1)

    def summary(self) -> str:
        letters = ", ".join("".join(term) for term in self.terms)
        return f"sum of products: {letters} to {''.join(self.result)}"

    def emit(self, writer: Writer) -> str:
        summed = [letter for letter in self.sides if letter not in self.result]
        outer = [self._steps(self.result, rows, term) for rows, term in self._each()]
        inner = [self._steps(summed, rows, term) for rows, term in self._each()]
        shape = tuple(self.sides[letter] for letter in self.result)
        sides, (*starts, write) = merge(shape, [*outer, row_steps(shape)])
        walked, along = merge(tuple(self.sides[letter] for letter in summed), inner)
        names, inside = axes_names("i", len(sides)), axes_names("k", len(walked))
        factors = []
        for letter, start, step in zip(LETTERS, starts, along, strict=False):
            place = [text for text in (index(start, names), index(step, inside)) if text != "0"]
            factors.append(f"{letter}[{' + '.join(place) or '0'}]")
        body = [
            "float s = 0;",
            *nest(walked, inside, [f"s += {' * '.join(factors)};"]),
            f"y[{index(write, names)}] = s;",
        ]
        return self.function(writer, nest(sides, names, body))

    def _each(self) -> list[tuple[Rows, Sequence[str]]]:
        return list(zip(self.operands, self.terms, strict=True))

    def _steps(self, letters: Sequence[str], rows: Rows, term: Sequence[str]) -> Steps:
        """From one value of each letter to the next; a letter that comes twice is a diagonal."""
        found = dict.fromkeys(letters, 0)
        for letter, side, step in zip(term, rows.shape, rows.steps, strict=True):
            if letter in found and side > 1:
                found[letter] += step
        return tuple(found.values())
