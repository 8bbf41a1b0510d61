"""Windows of recordings as small plots: some of each class, and those that are named wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError
from martlet.report import style
from martlet.report.class_colours import class_colours
from martlet.report.evidence import COLOURS, between
from martlet.report.timeline import panels_of, thinned
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4  # windows a row
MOST_CLASSES = 12  # rows of windows of a class
# Inches.
_WIDTH, _EDGE, _GAP = 11.0, 0.15, 0.16
_LABELS = 0.85  # left of all, for the names of lanes
_TITLE = 0.36  # above a block of rows
_LANE, _LEAST = 0.34, 0.68  # of a plot: for each sensor, and at least
_LINE = 0.17  # of text
_STRIP = 0.5  # of evidence, where a lane has 2
_KEY = 0.2  # a line of the legend
_SIZES = (9.0, 8.5, 7.5)  # points: of the lines above a plot
_MOST_IN_KEY = 8  # channels of a sensor that the legend names
_HIGH = 99.5  # percent of all values that lie within a lane


@dataclass(frozen=True)
class Window:
    """A window of the sheet.

    values: (samples, channels), as the network takes them.
    truth: the name of its class; name: its own.
    predicted, probability: of a window that the network named, 0..1.
    evidence: (times,), what each stretch of the window says for `predicted`, if known.
    """

    values: NDArray[np.float32]
    truth: str
    name: str
    predicted: str = ""
    probability: float = 0.0
    evidence: NDArray[np.floating] | None = None


def draw_windows(
    examples: Sequence[Sequence[Window]],
    mistakes: Sequence[Window],
    channels: Sequence[str],
    path: str | Path,
    *,
    wrong: int,
    scored: int,
    rate: float | None = None,
) -> str:
    """Draw windows of each class, and the most confident mistakes, into the PNG file `path`.

    examples: up to COLUMNS windows of each class; of more than MOST_CLASSES the first ones.
    mistakes: the most confident one first. wrong, scored: how many windows there are of them.
    rate: Hz; None: lengths are told in samples.

    Returns what the sheet shows, in sentences, which also stand in the file. Raises MartletError
    for a sheet without a window, and windows that do not fit the channels.
    """
    figure = windows_figure(examples, mistakes, channels, wrong=wrong, scored=scored, rate=rate)
    reach = _reach([*chain.from_iterable(_rows(examples)), *mistakes])
    told = (
        f"Training windows of {_classes(examples)}, as the network takes them: scaled by mean and "
        f"deviation of each channel, a lane a sensor, from -{reach:.2g} to {reach:.2g} deviations. "
        f"Of {scored:,} scored windows {wrong:,} are named wrong"
    )
    told += f"; below are the {len(mistakes)} most confident mistakes." if mistakes else "."
    if any(one.evidence is not None for one in mistakes):
        told += " Under each lies what speaks for the answer at that time, from dark to yellow."
    write_bytes(path, style.png(figure, told))
    return told


def windows_figure(
    examples: Sequence[Sequence[Window]],
    mistakes: Sequence[Window],
    channels: Sequence[str],
    *,
    wrong: int,
    scored: int,
    rate: float | None = None,
) -> "Figure":
    """The figure of `draw_windows`."""
    from matplotlib.figure import Figure

    first = _rows(examples)
    second = [mistakes[n : n + COLUMNS] for n in range(0, len(mistakes), COLUMNS)]
    every = [one for row in (*first, *second) for one in row]
    if not every or any(one.values.shape[1:] != (len(channels),) for one in every):
        raise MartletError(f"a sheet needs windows of {len(channels)} channels; there are none.")
    lanes, reach = panels_of(channels), _reach(every)
    blocks = [
        (f"Windows of {_classes(examples)}: {_length(every[0], rate)}, as the network takes them",
         first, 2),
        (f"Most confident mistakes: {wrong:,} of {scored:,} scored windows are named wrong",
         second, 3),
    ]  # fmt: skip
    blocks = [block for block in blocks if block[1]]
    plot = max(_LEAST, _LANE * len(lanes))
    rows = sum(len(block[1]) * (lines * _LINE + plot + _GAP) for *block, lines in blocks)
    tall = 2 * _EDGE + len(blocks) * _TITLE + rows + _KEY * len(lanes)
    with style.house_style():
        figure = Figure(figsize=(_WIDTH, tall), dpi=style.DOTS_PER_INCH)
        top = tall - _EDGE
        for title, listed, lines in blocks:
            figure.text(
                _EDGE / _WIDTH, (top - _TITLE / 2) / tall, title, fontsize=11, va="center",
                color=style.INK,
            )  # fmt: skip
            top -= _TITLE
            for row in listed:
                _draw_row(figure, row, lanes, top, lines, reach)
                top -= lines * _LINE + plot + _GAP
        _draw_key(figure, lanes, channels, top)
    return figure


def _rows(examples: Sequence[Sequence[Window]]) -> list[Sequence[Window]]:
    """The windows that are drawn of each class that has one."""
    return [row[:COLUMNS] for row in examples if row][:MOST_CLASSES]


def _reach(every: Sequence[Window]) -> float:
    """From 0 to the edge of a lane."""
    values = np.concatenate([one.values for one in every])
    return float(np.percentile(np.abs(values), _HIGH)) or 1.0


def _classes(examples: Sequence[Sequence[Window]]) -> str:
    """How many classes are shown, in words."""
    known = sum(map(bool, examples))
    if known > MOST_CLASSES:
        return f"{MOST_CLASSES} of {known} classes"
    return f"{known} class{'es' * (known != 1)}"


def _length(one: Window, rate: float | None) -> str:
    samples = len(one.values)
    return f"{samples} samples" if rate is None else f"{samples / rate:.4g} s"


def _draw_row(
    figure: "Figure",
    row: Sequence[Window],
    lanes: dict[str, list[int]],
    top: float,
    lines: int,
    reach: float,
) -> None:
    """Windows beside each other; `top` in inches from the figure's lower edge."""
    wide, high = figure.get_size_inches()
    step = (_WIDTH - _LABELS - 2 * _EDGE + _GAP) / COLUMNS
    plot = max(_LEAST, _LANE * len(lanes))
    for column, one in enumerate(row):
        left = _EDGE + _LABELS + column * step
        for line, (text, colour) in enumerate(_told(one, step - _GAP)):
            middle = top - (line + 0.5) * _LINE
            figure.text(
                left / wide, middle / high, text, color=colour,
                fontsize=_SIZES[line if lines == 3 else 2 * line], va="center",
            )  # fmt: skip
        low = top - lines * _LINE - plot
        axis = figure.add_axes((left / wide, low / high, (step - _GAP) / wide, plot / high))
        _draw_lanes(axis, one.values, lanes, reach, one.evidence)
        names = [style.fitted(style.printable(name), 7.0, _LABELS - 0.1) for name in lanes]
        axis.set_yticks([-2.0 * n for n in range(len(lanes))], names if column == 0 else [])
        axis.tick_params(length=0, labelsize=7)


def _draw_strip(axis: "Axes", evidence: NDArray[np.floating], samples: int, top: float) -> None:
    """What speaks for the answer along time, in the colours of the sheet of pictures."""
    left, right = axis.get_xlim()
    along = between(samples, len(evidence)) @ np.maximum(evidence, 0)
    axis.imshow(
        along[None], extent=(left, right, top - _STRIP, top), aspect="auto",
        cmap=COLOURS, vmin=0, vmax=max(float(along.max()), 1e-30),
    )  # fmt: skip


def _draw_lanes(
    axis: "Axes",
    values: NDArray[np.float32],
    lanes: dict[str, list[int]],
    reach: float,
    evidence: NDArray[np.floating] | None = None,
) -> None:
    """A lane for each sensor, from -reach to reach; what lies beyond is at its edge."""
    palette = colours_of(lanes)
    for lane, numbers in enumerate(lanes.values()):
        for place, number in enumerate(numbers):
            at, drawn = thinned(values[:, number])
            line = np.clip(drawn / reach, -1, 1) * 0.95 - 2 * lane
            axis.plot(at, line, linewidth=0.7, color=palette[place])
        if lane:
            axis.axhline(1 - 2 * lane, color=style.FAINT, linewidth=0.6)
    axis.set_xlim(0, max(1, len(values) - 1))
    axis.set_ylim(1 - 2 * len(lanes) - (_STRIP if evidence is not None else 0), 1)
    if evidence is not None:
        _draw_strip(axis, evidence, len(values), 1 - 2 * len(lanes))
    axis.set_xticks([])
    for side in ("left", "right", "top", "bottom"):
        axis.spines[side].set_visible(True)
        axis.spines[side].set_color(style.FAINT)


def colours_of(lanes: dict[str, list[int]]) -> list[str]:
    """Of the first, second, third channel of each sensor."""
    return class_colours(max(map(len, lanes.values())))


def _told(one: Window, room: float) -> list[tuple[str, str]]:
    """The lines above a plot, each with its colour."""
    name = (style.printable(one.name), style.MUTED)
    lines = [(style.printable(one.truth), style.INK), name]
    if one.predicted:
        share = f"  {100 * one.probability:.0f} %"
        said = style.printable(one.predicted)
        kept = style.fitted(said, _SIZES[0], room - style.width(["✗ " + share], _SIZES[0]))
        lines = [(f"✗ {kept}{share}", style.DARK_RED), (f"is {lines[0][0]}", style.INK), name]
    sizes = _SIZES if len(lines) == 3 else _SIZES[::2]
    return [
        (style.fitted(text, size, room), colour)
        for (text, colour), size in zip(lines, sizes, strict=True)
    ]


def _draw_key(
    figure: "Figure", lanes: dict[str, list[int]], channels: Sequence[str], top: float
) -> None:
    """A line for each sensor: its channels in the colours of their lines."""
    wide, high = figure.get_size_inches()
    palette = colours_of(lanes)
    for line, (lane, numbers) in enumerate(lanes.items()):
        y = (top - (line + 0.5) * _KEY) / high
        label = style.fitted(style.printable(lane), 8.0, _LABELS - 0.1)
        figure.text(_EDGE / wide, y, label, fontsize=8, va="center", color=style.MUTED)
        x = _EDGE + _LABELS
        named = [(channels[number], palette[n]) for n, number in enumerate(numbers)]
        rest = len(named) - _MOST_IN_KEY
        shown = [*named[:_MOST_IN_KEY], *([(f"… {rest} more", style.WHITE)] if rest > 0 else [])]
        room = (_WIDTH - 2 * _EDGE - _LABELS) / len(shown) - 0.4
        for name, colour in shown:
            text = style.fitted(style.printable(name), 8.0, room)
            figure.text(x / wide, y, "■", fontsize=8, va="center", color=colour, gid="key")
            figure.text((x + 0.14) / wide, y, text, fontsize=8, va="center", color=style.INK)
            x += 0.36 + style.width([text], 8.0)
