"""The most frequent mistakes of a confusion matrix, as numbers and as a list below it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from martlet.report import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Counts = npt.NDArray[np.integer]

_LISTED = 12
_SIZE = 9.0  # points


def most_confused(matrix: Counts, most: int) -> list[tuple[int, int, int]]:
    """Up to `most` mistakes as (true class, predicted class, count), most frequent first."""
    wrong = np.array(matrix)
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), wrong.shape[1]) for place in order]
    return [(row, column, int(wrong[row, column])) for row, column in pairs if wrong[row, column]]


def lines(counts: Counts, classes: Sequence[str], named: int, wide: float) -> list[str]:
    """The most frequent mistakes, a line each, for two columns in a figure so many inches wide.

    With numbers too, when there are more classes than `named`.
    """
    listed = []
    for truth, said, count in most_confused(counts, _LISTED):
        numbers = [f"#{label} " if len(classes) > named else "" for label in (truth, said)]
        share = f", {count} of {counts[truth].sum()}"
        left = wide / 2 - 0.3 - style.width([" → ".join(numbers) + share], _SIZE)
        names = [
            number
            + style.fitted(style.printable(classes[label], f"#{label}"), _SIZE, max(left / 2, 0.6))
            for number, label in zip(numbers, (truth, said), strict=True)
        ]
        listed.append(" → ".join(names) + share)
    return listed


def write(figure: "Figure", listed: Sequence[str], inches: float) -> None:
    """`listed` in two columns in the lowest `inches` of the figure."""
    if not listed:
        return
    wide, high = figure.get_size_inches()
    title = "Most frequent mistakes, true → predicted"
    figure.text(0.2 / wide, (inches - 0.12) / high, title, va="center", fontsize=_SIZE)
    rows = -(-len(listed) // 2)
    for place, line in enumerate(listed):
        left = 0.2 if place < rows else wide / 2 + 0.1
        bottom = inches - 0.12 - 0.21 * (place % rows + 1)
        figure.text(
            left / wide, bottom / high, line, va="center", fontsize=_SIZE, color=style.MUTED,
            gid="mistake",
        )  # fmt: skip
