"""A sheet of pairs of pictures that are nearly the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from martlet.errors import MartletError
from martlet.report import style
from martlet.report.predictions import Pixels, fitted
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 24  # that a sheet shows
COLUMNS = 3  # pairs a row
# All in pixels of the sheet.
TILE = 128  # the square a picture is fitted into
_INSIDE, _GAP = 6, 28  # between the two of a pair, and between pairs
_TEXT = 46  # below a pair: two lines
_LINES = (14, 31)  # their middles, below the pictures
_SIZES = (9.5, 8.0)  # points
_DOTS_PER_INCH = 96


@dataclass(frozen=True)
class Tile:
    """One of a pair: its pixels, uint8 (height, width, 1 or 3), its part, class and file's name."""

    pixels: Pixels
    part: str
    label: str
    name: str


def draw_pairs(pairs: Sequence[tuple[Tile, Tile]], found: int, path: str | Path) -> str:
    """Draw the pairs, the closest ones first, into the PNG file `path`; `found`: of how many.

    Returns what the sheet shows, in a sentence, which also stands in the file. Raises MartletError
    for a sheet without a pair.
    """
    shown = f"{len(pairs)} of {found:,}" if len(pairs) < found else f"{found:,}"
    told = (
        f"Pictures that are nearly the same as one of another part, {shown}, the closest first: "
        "below each its part, its class and its file."
    )
    write_bytes(path, style.png(pairs_figure(pairs), told))
    return told


def pairs_figure(pairs: Sequence[tuple[Tile, Tile]]) -> "Figure":
    """The figure of `draw_pairs`."""
    from matplotlib.figure import Figure

    if not pairs:
        raise MartletError("a sheet of pairs needs one or more; there are none.")
    rows, columns = -(-len(pairs) // COLUMNS), min(COLUMNS, len(pairs))
    step = 2 * TILE + _INSIDE + _GAP
    width, height = _GAP + columns * step, _GAP + rows * (TILE + _TEXT + _GAP // 2)
    sheet = np.full((height, width, 3), 255, np.uint8)
    with style.house_style():
        size = width / _DOTS_PER_INCH, height / _DOTS_PER_INCH
        figure = Figure(figsize=size, dpi=_DOTS_PER_INCH)
        for place, pair in enumerate(pairs):
            row, column = divmod(place, COLUMNS)
            top = _GAP + row * (TILE + _TEXT + _GAP // 2)
            for side, one in enumerate(pair):
                left = _GAP + column * step + side * (TILE + _INSIDE)
                _place(sheet[top : top + TILE, left : left + TILE], one.pixels)
                room = TILE / _DOTS_PER_INCH
                label = style.fitted(f"{one.part}: {style.printable(one.label)}", _SIZES[0], room)
                name = style.fitted(style.printable(one.name), _SIZES[1], room)
                lines = zip((label, name), (style.INK, style.MUTED), _SIZES, _LINES, strict=True)
                for text, colour, points, line in lines:
                    figure.text(
                        left / width, 1 - (top + TILE + line) / height, text, color=colour,
                        fontsize=points, va="center",
                    )  # fmt: skip
        figure.figimage(sheet, origin="upper", zorder=-1)
    return figure


def _place(square: Pixels, pixels: Pixels) -> None:
    """The picture in the middle of a square of the sheet."""
    square[:] = tuple(bytes.fromhex(style.EMPTY[1:]))
    picture = fitted(pixels, TILE)
    y, x = (TILE - picture.shape[0]) // 2, (TILE - picture.shape[1]) // 2
    square[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
