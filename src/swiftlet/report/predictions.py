"""A sheet of pictures with what they are and what the network said."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from swiftlet.errors import SwiftletError
from swiftlet.report.files import write_whole
from swiftlet.report.style import GREEN, RED, house_style, png, printable, shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Shown:
    """One picture of the sheet.

    Attributes:
        pixels: uint8, shape (height, width, channels) with 1 or 3 channels, or (height, width).
        truth: the name of its class.
        predicted: the name of the class the network gave it.
        probability: of `predicted`, 0..1.
        name: the file's name.
    """

    pixels: npt.NDArray[np.uint8]
    truth: str
    predicted: str
    probability: float
    name: str

    @property
    def right(self) -> bool:
        return self.truth == self.predicted


def draw_predictions(shown: Sequence[Shown], path: str | Path, columns: int = 6) -> None:
    """Draw the pictures in the order given, `columns` a row, into the PNG file `path`.

    A right prediction has a green frame and a tick, a wrong one a red frame and a cross.

    Raises:
        SwiftletError: nothing to show, `columns` below 1, pixels of another kind, or the file
            cannot be written.
    """
    write_whole(path, png(predictions_figure(shown, columns)))


def predictions_figure(shown: Sequence[Shown], columns: int = 6) -> "Figure":
    """The figure of `draw_predictions`."""
    from matplotlib.figure import Figure

    if not shown:
        raise SwiftletError("shown has no pictures; at least one is needed to draw a sheet.")
    if columns < 1:
        raise SwiftletError(f"columns={columns} is not accepted; use 1 or more.")
    columns = min(columns, len(shown))
    rows = -(-len(shown) // columns)
    with house_style():
        figure = Figure(figsize=(1.6 * columns, 2.0 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for panel in panels:
            panel.set_axis_off()
        for panel, one in zip(panels, shown, strict=False):
            panel.set_axis_on()
            panel.set(xticks=[], yticks=[])
            panel.imshow(one.pixels.squeeze(), cmap="gray", vmin=0, vmax=255)
            for spine in panel.spines.values():
                spine.set(visible=True, color=GREEN if one.right else RED, linewidth=3)
            said = shorten(printable(one.predicted), 16)
            panel.set_xlabel(f"{said} {one.probability:.0%}", fontsize=7)
    return figure
