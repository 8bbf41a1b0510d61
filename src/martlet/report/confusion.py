"""The confusion matrix of a run."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from martlet.errors import MartletError
from martlet.report import mistakes, style
from martlet.report.mistakes import most_confused
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Counts = npt.NDArray[np.integer]
Table = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]

_MOST_NAMED = 100  # classes whose names stand beside the matrix; above that, numbers
_MOST_CELLS = 250  # a side; above that, one cell stands for several classes
_LONGEST_NAME = 1.5  # inches beside the matrix, where there are many
_FEW, _LONGEST_OF_FEW = 25, 2.8  # classes whose names may take more
_LEAST_SIZE = 5.0  # points; figures smaller than that cannot be read and are left out
_LIST_FROM = 13  # classes from which on the mistakes are also listed below the matrix
_ZERO = "#F4F5F7"


def draw_confusion(
    matrix: Counts, classes: Sequence[str], path: str | Path, noun: str = "pictures"
) -> str:
    """Draw a confusion matrix into the PNG file `path`.

    Every row is coloured by its shares: blue on the diagonal (right), orange elsewhere (wrong),
    where the colour grows with the square root so that a share of 1 % can be seen. A class with
    no samples is a gray row.

    Args:
        matrix: counts, shape (classes, classes); a row is a true class, a column a prediction.
        classes: the names, in the order of the rows. A name that no installed font can draw
            becomes its number, "#3".
        path: the file to write; it is replaced whole.
        noun: what is counted, in the plural.

    Returns:
        What the picture shows, in one or two sentences, for its caption; they also stand in
        the file.

    Raises:
        MartletError: `matrix` does not fit `classes` or is no table of counts, or the file
            cannot be written.
    """
    told = describe_confusion(matrix, classes, noun)
    write_bytes(path, style.png(confusion_figure(matrix, classes, noun), told))
    return told


def describe_confusion(matrix: Counts, classes: Sequence[str], noun: str = "pictures") -> str:
    """The matrix in words: how many are right, and the three most frequent mistakes."""
    counts = _checked(matrix, classes)
    told = f"{int(np.trace(counts)):,} of {int(counts.sum()):,} {noun} are on the diagonal."
    frequent = [
        f"{style.shorten(classes[truth], 40)} taken for {style.shorten(classes[said], 40)} "
        f"({count} of {int(counts[truth].sum())})"
        for truth, said, count in most_confused(counts, 3)
    ]
    return told + (f" Most frequent mistakes: {', '.join(frequent)}." if frequent else "")


def confusion_figure(matrix: Counts, classes: Sequence[str], noun: str = "pictures") -> "Figure":
    """The figure of `draw_confusion`; its first axes hold the matrix."""
    from matplotlib.figure import Figure

    counts = _checked(matrix, classes)
    number = len(classes)
    side = float(np.clip(number * 0.62, 2.4, 5.6 if number <= 50 else 7.6))  # inches
    cell = side / number
    size = min(10.0, cell * 72 * 0.75)  # points
    names = _names(classes, size) if number <= _MOST_NAMED else []
    longest = style.width(names, size)
    upright = longest > 0.92 * cell
    left = max(longest, 0.35) + 0.42
    below = (longest if upright else 0.15) + 0.45
    block = -(-number // _MOST_CELLS)
    above = 0.8 if block == 1 else 1.0
    wide = max(left + side + 0.65, 4.1)
    listed = mistakes.lines(counts, classes, _MOST_NAMED, wide) if number >= _LIST_FROM else []
    foot = 0.22 * (len(listed) // 2 + 2) if listed else 0.0
    high = above + side + below + foot
    with style.house_style():
        figure = Figure(figsize=(wide, high), dpi=style.DOTS_PER_INCH)
        place = (left / wide, (foot + below) / high, side / wide, side / high)
        panel = figure.add_axes(place)
        _draw_cells(panel, counts, noun)
        panel.set_ylabel("true class", fontsize=9)
        panel.set_xlabel("predicted class", fontsize=9)
        if names:
            panel.set_yticks(range(number), names, fontsize=size, color=style.INK)
            panel.set_xticks(
                range(number), names, fontsize=size, color=style.INK, rotation=90 * upright
            )
        _write_counts(panel, counts, cell)
        _write_recall(panel, counts, size)
        _draw_key(figure, left, high - 0.12, block)
        mistakes.write(figure, listed, foot)
    return figure


def _checked(matrix: Counts, classes: Sequence[str]) -> Table:
    counts = np.asarray(matrix)
    if not classes or counts.shape != (len(classes), len(classes)):
        raise MartletError(
            f"matrix has the shape {counts.shape}; {len(classes)} classes need "
            f"({len(classes)}, {len(classes)}), and at least one class."
        )
    if counts.dtype.kind not in "iu" or counts.min() < 0:
        raise MartletError("matrix holds values that are no counts; use integers from 0 on.")
    return counts.astype(np.int64)


def _names(classes: Sequence[str], size: float) -> list[str]:
    names = [style.printable(name, f"#{label}") for label, name in enumerate(classes)]
    longest = _LONGEST_OF_FEW if len(classes) <= _FEW else _LONGEST_NAME
    return [style.fitted(name, size, longest) for name in names]


def _shares(counts: Table) -> Shares:
    """Every row divided by its sum; zeros where the row is empty."""
    shares: Shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def _colours(counts: Table) -> Shares:
    """The cells' colours, shape (cells, cells, 3), values 0..1; at most `_MOST_CELLS` a side.

    Where a cell stands for several classes it shows their mean share on the diagonal and their
    largest share elsewhere, so that no mistake disappears.
    """
    shares, number = _shares(counts), len(counts)
    right = np.diagonal(shares).copy()
    np.fill_diagonal(shares, 0)
    empty = counts.sum(axis=1) == 0
    block = -(-number // _MOST_CELLS)
    starts = np.arange(0, number, block)
    wrong = np.maximum.reduceat(np.maximum.reduceat(shares, starts, axis=0), starts, axis=1)
    filled = np.maximum(np.add.reduceat(1 - empty, starts), 1)
    right = np.add.reduceat(right, starts) / filled
    colours = _ramp(np.sqrt(wrong), (_ZERO, style.ORANGE, style.RED))
    colours[np.arange(len(starts)), np.arange(len(starts))] = _ramp(right, (_ZERO, style.BLUE))
    colours[np.logical_and.reduceat(empty, starts)] = 1.0
    return colours


def _ramp(values: Shares, stops: Sequence[str]) -> Shares:
    """Colours of values 0..1 on the line through `stops`; all above 0 differ visibly from 0."""
    from matplotlib.colors import to_rgb

    lifted = np.where(values > 0, 0.1 + 0.9 * values, 0)
    points = np.linspace(0, 1, len(stops))
    channels = zip(*(to_rgb(stop) for stop in stops), strict=True)
    return np.stack([np.interp(lifted, points, channel) for channel in channels], axis=-1)


def _draw_cells(panel: "Axes", counts: Table, noun: str) -> None:
    number = len(counts)
    block = -(-number // _MOST_CELLS)
    end = -(-number // block) * block - 0.5
    panel.imshow(_colours(counts), interpolation="nearest", extent=(-0.5, end, end, -0.5))
    panel.spines[:].set_visible(number > 50)
    panel.tick_params(length=0)
    if number <= 50:
        lines = np.arange(1, number) - 0.5
        width = min(1.5, 40 / number)
        panel.hlines(lines, -0.5, number - 0.5, color="white", linewidth=width)
        panel.vlines(lines, -0.5, number - 0.5, color="white", linewidth=width)
        for row in np.flatnonzero(counts.sum(axis=1) == 0).tolist():
            panel.text(
                (number - 1) / 2, row, f"no {noun}", ha="center", va="center",
                color=style.MUTED, fontsize=min(9.0, 200 / number), style="italic",
            )  # fmt: skip


def _write_counts(panel: "Axes", counts: Table, cell: float) -> None:
    """Every count that is not 0 in its cell of `cell` inches, where it can be read."""
    widest = style.width([str(counts.max())], 10)
    size = min(11.0, cell * 72 * 0.5, 10 * 0.8 * cell / widest)
    if size < _LEAST_SIZE:
        return
    colours = _colours(counts)
    for row, column in np.argwhere(counts).tolist():
        light = colours[row, column] @ (0.299, 0.587, 0.114) > 0.55
        panel.text(
            column, row, str(counts[row, column]), ha="center", va="center", fontsize=size,
            color=style.INK if light else "white", gid="count",
        )  # fmt: skip


def _write_recall(panel: "Axes", counts: Table, size: float) -> None:
    """The share of every row that is right, at the right edge."""
    number = len(counts)
    if number > 50:
        return
    right = np.diagonal(_shares(counts))
    for row, filled in enumerate(counts.sum(axis=1) > 0):
        # Rounded down, so that 100 % is said of no row with a mistake.
        text = f"{math.floor(100 * right[row])} %" if filled else "–"
        panel.text(
            number - 0.5, row, f" {text}", va="center", fontsize=min(size, 9.0), gid="recall",
            color=style.MUTED,
        )  # fmt: skip
    panel.annotate(
        "recall", (1, 1), xycoords="axes fraction", xytext=(3, 4), textcoords="offset points",
        color=style.MUTED, fontsize=8,
    )  # fmt: skip


def _draw_key(figure: "Figure", left: float, top: float, block: int) -> None:
    """Two bars that explain the colours; `left` and `top` in inches from the lower left corner."""
    wide, high = figure.get_size_inches()
    values = np.linspace(0.004, 1, 64)[np.newaxis]
    right = _ramp(values, (_ZERO, style.BLUE))
    wrong = _ramp(np.sqrt(values), (_ZERO, style.ORANGE, style.RED))
    rows = [(right, "right, 0 to 100 % of the row"), (wrong, "wrong, 0 to 100 % of the row")]
    for place, (colours, text) in enumerate(rows):
        bottom = top - 0.2 * (place + 1)
        bar = figure.add_axes((left / wide, (bottom + 0.03) / high, 0.8 / wide, 0.12 / high))
        bar.imshow(colours, aspect="auto")
        bar.set_axis_off()
        figure.text((left + 0.9) / wide, (bottom + 0.09) / high, text, va="center", fontsize=8)
    if block > 1:
        text = f"a cell holds {block} × {block} classes: their largest share, their mean if right"
        figure.text(left / wide, (top - 0.5) / high, text, va="center", fontsize=8)
