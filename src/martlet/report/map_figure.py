"""The layout that all maps of a scene share: its pixels, each a square, and a legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError
from martlet.report import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_USUAL, _LONGEST = 720, 1300  # pixels of the picture along the map's longer side
_EDGE, _GAP = 0.15, 0.2  # inches around all, and between map and legend
_LINE, _SWATCH, _SIZE = 0.21, 0.13, 9.0  # inches, inches, points: of the legend
_LONGEST_NAME = 2.2  # inches
_LONGEST_TITLE = 6.0
_TITLE = 0.32  # inches
_MOST_NAMED = 60  # in the legend
_WIDE = 1.7  # columns to a row, from where on the legend stands below the map


@dataclass(frozen=True)
class Ramp:
    """A legend of values: one of matplotlib's colour maps, and what its ends are called."""

    colours: str
    low: str
    high: str


def map_figure(
    pixels: NDArray[np.uint8],
    legend: Sequence[tuple[str, str]],
    title: str = "",
    ramp: Ramp | None = None,
) -> "Figure":
    """A map, and beside it, or below a wide one, what its colours mean.

    A pixel of the scene is a square of whole pixels of the picture; of scenes above 1,300 pixels
    a side, every second, third … one is drawn.

    pixels: (rows, columns, 3), 0..255.
    legend: name and colour each; of more than 60, the first ones.
    """
    from matplotlib.figure import Figure

    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise MartletError(
            f"pixels of shape {pixels.shape} and type {pixels.dtype} are no map; give rows × "
            "columns × 3 of uint8."
        )
    drawn = enlarged(pixels)
    high, wide = (side / style.DOTS_PER_INCH for side in drawn.shape[:2])
    entries = _entries(legend)
    below = wide > _WIDE * high
    columns, lines, step = _grid(entries, wide if below else None, high)
    side = 1.7 if ramp and not below else columns * step  # inches of the legend
    foot = _LINE * (lines + 2 * (ramp is not None)) if below else 0.0
    title = style.fitted(style.printable(title), 11, _LONGEST_TITLE)
    above = _TITLE if title else 0.0
    whole = wide + 2 * _EDGE + (0 if below else _GAP + max(side, columns * step))
    whole = max(whole, style.width([title], 11) + 2 * _EDGE)
    tall = high + 2 * _EDGE + above + (_GAP + foot if below else 0)
    with style.house_style():
        figure = Figure(figsize=(whole, tall), dpi=style.DOTS_PER_INCH)
        left, bottom = _EDGE, tall - _EDGE - above - high
        panel = figure.add_axes((left / whole, bottom / tall, wide / whole, high / tall))
        panel.imshow(drawn, interpolation="nearest", aspect="auto")
        panel.set_axis_off()
        if title:
            place = (tall - _EDGE - 0.1) / tall
            figure.text(left / whole, place, title, fontsize=11, va="center", color=style.INK)
        x, y = (_EDGE, bottom - _GAP) if below else (_EDGE + wide + _GAP, bottom + high)
        if ramp is not None:
            _draw_ramp(figure, ramp, x, y)
            y -= 2 * _LINE
        for number, (name, colour) in enumerate(entries):
            column, line = divmod(number, lines)
            _draw_entry(figure, name, colour, x + column * step, y - (line + 0.5) * _LINE)
    return figure


def enlarged(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each pixel as a square of whole pixels, or every n-th pixel of a large scene."""
    longest = max(pixels.shape[:2])
    if longest > _LONGEST:
        step = -(-longest // _LONGEST)
        return pixels[::step, ::step]
    scale = max(1, min(round(_USUAL / longest), _LONGEST // longest))
    return pixels.repeat(scale, 0).repeat(scale, 1)


def _entries(legend: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    named = [
        (style.fitted(style.printable(name, f"#{number}"), _SIZE, _LONGEST_NAME), colour)
        for number, (name, colour) in enumerate(legend[:_MOST_NAMED])
    ]
    more = len(legend) - len(named)
    return [*named, (f"… and {more:,} more", style.WHITE)] if more else named


def _grid(
    entries: Sequence[tuple[str, str]], wide: float | None, high: float
) -> tuple[int, int, float]:
    """Columns and lines of the legend, and inches from column to column."""
    if not entries:
        return 0, 1, 0.0
    step = _SWATCH + 0.08 + style.width([name for name, _ in entries], _SIZE) + 0.2
    if wide is None:
        columns = -(-len(entries) // max(1, int(high / _LINE)))
    else:
        columns = min(len(entries), max(1, int(wide / step)))
    return columns, -(-len(entries) // columns), step


def _draw_entry(figure: "Figure", name: str, colour: str, x: float, y: float) -> None:
    """A line of the legend; `x` and `y`, its left end and middle, in inches from the corner."""
    from matplotlib.patches import Rectangle

    wide, high = figure.get_size_inches()
    corner = (x / wide, (y - _SWATCH / 2) / high)
    figure.add_artist(
        Rectangle(
            corner, _SWATCH / wide, _SWATCH / high, facecolor=colour, edgecolor=style.FAINT,
            linewidth=0.5, transform=figure.transFigure,
        )
    )  # fmt: skip
    text = (x + _SWATCH + 0.08) / wide
    figure.text(text, y / high, name, fontsize=_SIZE, va="center", gid="legend")


def _draw_ramp(figure: "Figure", ramp: Ramp, x: float, y: float) -> None:
    """A bar of the colours from low to high, its upper left corner at `x` and `y` inches."""
    wide, high = figure.get_size_inches()
    bar = figure.add_axes((x / wide, (y - 0.15) / high, 1.5 / wide, 0.14 / high))
    values = np.linspace(0, 1, 128)[np.newaxis]
    bar.imshow(values, aspect="auto", cmap=ramp.colours, vmin=0, vmax=1)
    bar.set_axis_off()
    for text, place, side in ((ramp.low, x, "left"), (ramp.high, x + 1.5, "right")):
        figure.text(place / wide, (y - 0.26) / high, text, fontsize=8, va="center", ha=side)
