"""The confusion matrix of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from swiftlet.errors import SwiftletError
from swiftlet.report.files import write_whole
from swiftlet.report.style import house_style, png, printable, shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Counts = npt.NDArray[np.integer]


def draw_confusion(matrix: Counts, classes: Sequence[str], path: str | Path) -> None:
    """Draw a confusion matrix into the PNG file `path`.

    Args:
        matrix: counts, shape (classes, classes); a row is a true class, a column a prediction.
        classes: the names, in the order of the rows.
        path: the file to write; it is replaced whole.

    Raises:
        SwiftletError: `matrix` does not fit `classes`, or the file cannot be written.
    """
    write_whole(path, png(confusion_figure(matrix, classes)))


def confusion_figure(matrix: Counts, classes: Sequence[str]) -> "Figure":
    """The figure of `draw_confusion`."""
    from matplotlib.figure import Figure

    counts = np.asarray(matrix)
    if counts.shape != (len(classes), len(classes)) or not classes:
        raise SwiftletError(
            f"matrix has the shape {counts.shape}; {len(classes)} classes need "
            f"({len(classes)}, {len(classes)}) and at least one class."
        )
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [shorten(printable(name, f"#{i}"), 24) for i, name in enumerate(classes)]
    with house_style():
        figure = Figure(figsize=(8, 7), layout="constrained", facecolor="white")
        panel = figure.subplots()
        panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        panel.set_ylabel("true class")
        panel.set_xlabel("predicted class")
        if len(classes) <= 50:
            panel.set_yticks(range(len(names)), names)
            panel.set_xticks(range(len(names)), names, rotation=90)
        if len(classes) <= 20:
            for (row, column), count in np.ndenumerate(counts):
                colour = "white" if shares[row, column] > 0.5 else "black"
                panel.text(column, row, str(count), ha="center", va="center", color=colour)
    return figure
