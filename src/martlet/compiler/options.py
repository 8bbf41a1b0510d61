"""The arguments of a compilation, beyond their types: each is fit, or refused in one sentence."""

from collections.abc import Mapping
from operator import index
from reprlib import repr as short
from typing import Any

from martlet.arguments import checked
from martlet.errors import MartletError

MOST_STRIDE = 1 << 30  # samples: C counts them in 32 bits


def text(word: str, given: Any) -> str | None:
    """Text that is not empty, or None."""
    if isinstance(given, str) and not given:
        raise MartletError(f"{word}='' is not accepted; give text or None.")
    return checked(word, given, str | None)


def whole(word: str, given: Any, most: int | None = None) -> int:
    """A whole number from 1 on, of Python or NumPy."""
    number: int = checked(word, given, int)
    if number < 1 or (most is not None and number > most):
        accepted = "or more" if most is None else f"to {most}"
        raise MartletError(f"{word}={number} is not accepted; give 1 {accepted}.")
    return number


def fit_shapes(shapes: Any, names: list[str]) -> dict[str, tuple[int, ...]]:
    """Shapes by input, with the name of the only input in place of ""."""
    if not isinstance(shapes, Mapping):
        raise MartletError(f"shapes={short(shapes)} is not accepted; give sides by input name.")
    wrong = set(shapes) - {*names, *([""] if len(names) == 1 else [])}
    if wrong:
        listed = ", ".join(map(repr, names))
        raise MartletError(f"shape of {wrong.pop()!r}: the inputs are called {listed}.")
    found = {}
    for name, sides in shapes.items():
        try:
            found[name or names[0]] = tuple(map(index, sides))
        except TypeError as error:
            raise MartletError(
                f"shape of {name!r}: {short(sides)} is not accepted; give whole numbers."
            ) from error
    return found
