"""The arguments of a compilation: whatever Python hands over is fit, or refused in one sentence."""

import os
from collections.abc import Mapping
from operator import index
from pathlib import Path
from typing import Any

from martlet.errors import MartletError

LONGEST_REPR = 60  # characters of what was given


def path(word: str, given: object, wanted: str) -> Path:
    """A path of text."""
    place = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if isinstance(place, str) and place and "\0" not in place:
        return Path(place)
    raise MartletError(f"{word}={_shown(given)} is not accepted; give {wanted}.")


def text(word: str, given: object, wanted: str) -> str | None:
    """Text that is not empty, or None."""
    if given is None or (isinstance(given, str) and given):
        return given
    raise MartletError(f"{word}={_shown(given)} is not accepted; give {wanted}.")


def whole(word: str, given: Any, most: int | None = None) -> int:
    """A whole number from 1 on, of Python or NumPy."""
    try:
        number = 0 if isinstance(given, bool) else index(given)
    except TypeError:
        number = 0
    if number < 1 or (most is not None and number > most):
        accepted = "or more" if most is None else f"to {most}"
        raise MartletError(f"{word}={_shown(given)} is not accepted; give 1 {accepted}.")
    return number


def fit_shapes(shapes: Any, names: list[str]) -> dict[str, tuple[int, ...]]:
    """Shapes by input, with the name of the only input in place of ""."""
    if not isinstance(shapes, Mapping):
        raise MartletError(f"shapes={_shown(shapes)} is not accepted; give sides by input name.")
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
                f"shape of {name!r}: {_shown(sides)} is not accepted; give whole numbers."
            ) from error
    return found


def _shown(given: object) -> str:
    """How it is written in Python; of what fills pages, its type."""
    text = repr(given)
    return text if len(text) <= LONGEST_REPR and "\n" not in text else f"a {type(given).__name__}"
