"""A sheet of pictures with their boxes, and those that the network found."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from martlet.errors import MartletError
from martlet.report import style
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colour and style of the line, of what was found and of what was missed.
_LINES = {
    "right": (style.GREEN, "-"),
    "class": (style.RED, "-"),
    "place": (style.ORANGE, "-"),
    "both": (style.RED, "-"),
    "double": (style.ORANGE, "-"),
    "background": (style.RED, "-"),
    "missed": (style.BLUE, "--"),
}
_SIDE = 3.6  # inches of a picture's longer side
_GAP = 0.12


@dataclass(frozen=True)
class Box:
    """One box of the sheet: `kind` is a key of measuring.box_errors.KINDS."""

    corners: Sequence[float]  # left, top, right, bottom in pixels of the picture
    kind: str
    label: str


@dataclass(frozen=True)
class BoxPicture:
    """One picture of the sheet.

    pixels: uint8 (height, width, 1 or 3), of any size; it is shown with the sides of `size`,
        (width, height), of which the boxes are.
    """

    pixels: npt.NDArray[np.uint8]
    size: tuple[float, float]
    boxes: Sequence[Box]
    name: str


def draw_boxes(
    shown: Sequence[BoxPicture], path: str | Path, columns: int = 3, title: str = ""
) -> str:
    """Draw the pictures in the order given, `columns` a row, into the PNG file `path`.

    Green boxes are right, red ones of the wrong class or of the background, orange ones in the
    wrong place or double, and dashed blue ones missed.

    Returns what the sheet shows, in a sentence, for its caption; it also stands in the file.
    Raises MartletError for nothing to show, and when the file cannot be written.
    """
    told = describe_boxes(shown, title)
    write_bytes(
        path, style.png(boxes_figure(shown, columns), told, keep=(style.BLUE, style.ORANGE))
    )
    return told


def describe_boxes(shown: Sequence[BoxPicture], title: str = "") -> str:
    """The sheet in words."""
    boxes = [box for one in shown for box in one.boxes]
    missed = sum(box.kind == "missed" for box in boxes)
    wrong = sum(box.kind not in ("right", "missed") for box in boxes)
    pictures = f"{len(shown)} picture" + "s" * (len(shown) != 1)
    return f"{title}. " * bool(title) + (
        f"{pictures}: {len(boxes) - wrong - missed} boxes are right (green), {wrong} wrong (red: "
        "class or background; orange: place, or double), "
        f"{missed} missed (blue, dashed)."
    )


def boxes_figure(shown: Sequence[BoxPicture], columns: int = 3) -> "Figure":
    """The figure of `draw_boxes`."""
    from matplotlib.figure import Figure

    if not shown:
        raise MartletError("shown has no pictures; at least one is needed to draw a sheet.")
    columns = min(columns, len(shown))
    rows = -(-len(shown) // columns)
    tallest = max(height / max(width, height) for width, height in (one.size for one in shown))
    high = _SIDE * tallest + 0.3
    wide = columns * (_SIDE + _GAP) + _GAP
    with style.house_style():
        figure = Figure(figsize=(wide, rows * (high + _GAP) + _GAP), dpi=96)
        panels = figure.subplots(rows, columns, squeeze=False)
        edge = _GAP / wide
        figure.subplots_adjust(
            left=edge, right=1 - edge, bottom=0.01, top=1 - 0.3 / (rows * (high + _GAP)),
            wspace=_GAP / _SIDE, hspace=0.4 / high,
        )  # fmt: skip
        for panel in panels.flat[len(shown) :]:
            panel.set_axis_off()
        for panel, one in zip(panels.flat, shown, strict=False):
            _draw(panel, one)
    return figure


def _draw(panel: "Axes", one: BoxPicture) -> None:
    from matplotlib.patches import Rectangle

    width, height = one.size
    pixels = one.pixels if one.pixels.shape[2] == 3 else one.pixels.repeat(3, axis=2)
    panel.imshow(pixels, extent=(0, width, height, 0), aspect="equal", interpolation="bilinear")
    panel.set_axis_off()
    name = style.fitted(style.printable(one.name), 8.5, _SIDE)
    panel.set_title(name, loc="left", fontsize=8.5, color=style.MUTED, pad=3)
    for box in sorted(one.boxes, key=lambda box: box.kind == "right", reverse=True):
        left, top, right, bottom = box.corners
        colour, line = _LINES[box.kind]
        frame = Rectangle(
            (left, top), right - left, bottom - top,
            fill=False, edgecolor=colour, linestyle=line, linewidth=1.4, clip_on=True,
        )  # fmt: skip
        panel.add_patch(frame)
        panel.text(
            max(left, 0), max(top, 0), style.printable(box.label),
            fontsize=6.5, color=style.WHITE, va="top", ha="left", clip_on=True,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
        )  # fmt: skip
    panel.set_xlim(0, width)
    panel.set_ylim(height, 0)
