"""The bases of Winograd's minimal filtering, F(m, 3): Toom's and Cook's, of polynomials at points.

Inputs, weights and outputs are taken as polynomials. At a point each is a number, and a product of
two polynomials is one multiplication; with n = m + 2 points, infinity the last of them, the outputs
are known. How exact it is in float32 hangs on the points alone: those of OF_FOUR leave half the
error that 0, ±1 and ±2 do, which are in use elsewhere, of all multiples of an eighth the least.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.codegen.c_text import floats

Matrix = tuple[tuple[float, ...], ...]
TAPS = 3


@dataclass(frozen=True)
class Basis:
    """Of tiles along one axis: of the point 0, of pairs of points ±p, and of infinity.

    A pair shares its even and its odd part: what one is the sum of, the other is the difference.
    """

    pairs: tuple[Fraction, ...]

    @property
    def side(self) -> int:
        """n, the inputs of a tile along an axis."""
        return 2 * len(self.pairs) + 2

    @property
    def tile(self) -> int:
        """m, its outputs."""
        return self.side - TAPS + 1

    @property
    def points(self) -> list[Fraction]:
        """All but infinity."""
        return [Fraction(0), *chain.from_iterable((p, -p) for p in self.pairs)]

    @cached_property
    def inputs(self) -> Matrix:
        """(n, n): for each point the product of the other ones' factors."""
        points = self.points
        factors = [_times([other for other in points if other != point]) for point in points]
        return tuple(
            tuple(map(float, row)) for row in [*((*f, 0) for f in factors), _times(points)]
        )

    @cached_property
    def weights(self) -> Matrix:
        """(n, 3): the polynomial at each point, over the product of its distances to the others."""
        rows = []
        for point in self.points:
            apart = Fraction(1)
            for other in self.points:
                apart *= point - other if other != point else 1
            rows.append(tuple(float(point**power / apart) for power in range(TAPS)))
        return (*rows, (0.0, 0.0, 1.0))

    @cached_property
    def outputs(self) -> Matrix:
        """(m, n): powers of the points."""
        last = self.tile - 1
        return tuple(
            (*(float(point**power) for point in self.points), float(power == last))
            for power in range(self.tile)
        )

    def changed(self, weight: NDArray[np.float32]) -> NDArray[np.float32]:
        """Weights (k, c, 3, 3) for the products, a group for each: (n² · k, c, 1, 1)."""
        basis = np.array(self.weights)
        made = np.einsum("ir,kcrs,js->ijkc", basis, weight.astype(np.float64), basis)
        return made.reshape(-1, weight.shape[1], 1, 1).astype(np.float32)

    def of_inputs(self, names: Sequence[str]) -> tuple[list[str], list[str]]:
        """C text: constants, and of them the n values of these inputs in the basis."""
        shared, values = list[str](), [_sum(self.inputs[0], names)]
        for number in range(1, self.side - 1, 2):
            row = self.inputs[number]
            for word, first in (("even", 0), ("odd", 1)):
                half = [factor if k % 2 == first else 0.0 for k, factor in enumerate(row)]
                shared.append(f"const v {word}{number} = {_sum(half, names)};")
            values += [f"even{number} {sign} odd{number}" for sign in "+-"]
        return shared, [*values, _sum(self.inputs[-1], names)]

    def of_products(self, names: Sequence[str], count: int) -> tuple[list[str], list[str]]:
        """C text: constants, and of them the first `count` outputs."""
        shared, values = list[str](), list[str]()
        for number in range(1, self.side - 1, 2):
            first, second = names[number : number + 2]
            shared.append(f"const v plus{number} = {first} + {second};")
            if count > 1:
                shared.append(f"const v minus{number} = {first} - {second};")
        for power, row in enumerate(self.outputs[:count]):
            word = "minus" if power % 2 else "plus"
            terms = [names[0], *(f"{word}{n}" for n in range(1, self.side - 1, 2)), names[-1]]
            values.append(_sum([row[0], *row[1:-1:2], row[-1]], terms))
        return shared, values


def _times(points: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients, the lowest first, of the product of (x - point)."""
    made = [Fraction(1)]
    for point in points:
        steps = zip([Fraction(0), *made], [*made, Fraction(0)], strict=True)
        made = [low - point * high for low, high in steps]
    return made


def _sum(factors: Sequence[float], names: Sequence[str]) -> str:
    """C text of a weighed sum; those that weigh nothing are left out."""
    text = ""
    for factor, name in zip(factors, names, strict=True):
        if factor:
            term = name if abs(factor) == 1 else f"{floats([abs(factor)])} * {name}"
            sign = "-" if factor < 0 else "+" if text else ""
            text += f" {sign} {term}" if text else f"{sign}{term}"
    return text


OF_TWO = Basis((Fraction(1),))
OF_FOUR = Basis((Fraction(5, 8), Fraction(3, 2)))
