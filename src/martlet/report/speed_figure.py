"""The picture of an experiment of speed: each row against the first of its group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from martlet.report import style
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 8.6  # inches
_LINE, _AROUND, _BETWEEN = 0.3, 0.95, 0.4  # inches: a row, title with legend, two groups
_COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.RED)
_MARKS = ("o", "s", "D", "^")  # by number of threads


@dataclass(frozen=True)
class Bars:
    """A row: its speed as a multiple of the first row's of its group, by column, and the paper's.

    `values` has a column's name as key: ("C", 1) for engine and threads.
    """

    name: str
    values: Mapping[tuple[str, int], float]
    paper: float | None = None


@dataclass(frozen=True)
class Group:
    """Rows that are compared with the first of them."""

    name: str
    rows: Sequence[Bars] = field(default_factory=tuple)


def draw_speed(groups: Sequence[Group], path: Path, title: str, told: str) -> None:
    """Draw the picture into the PNG file `path`; `told` is its caption, which stands in the file.

    Raises MartletError when the file cannot be written.
    """
    write_bytes(path, style.png(speed_figure(groups, title), told))


def speed_figure(groups: Sequence[Group], title: str) -> "Figure":
    """A line of marks a row: a colour an engine, a shape a number of threads, hollow the paper."""
    from matplotlib.figure import Figure

    with style.house_style():
        counts = [len(group.rows) for group in groups]
        height = _AROUND + sum(_LINE * count + _BETWEEN for count in counts) + 0.25
        figure = Figure(figsize=(_WIDTH, height), dpi=style.DOTS_PER_INCH)
        names = [row.name for group in groups for row in group.rows]
        left = min(style.width(names, 9) + 0.3, 0.45 * _WIDTH) / _WIDTH
        figure.subplots_adjust(
            left=left, right=0.96, top=1 - (_AROUND - 0.1) / height, bottom=0.5 / height,
            hspace=_BETWEEN / (_LINE * sum(counts) / len(counts)),
        )  # fmt: skip
        panels = figure.subplots(
            len(groups), 1, sharex=True, squeeze=False, height_ratios=[max(c, 1) for c in counts]
        )[:, 0]
        columns = list(dict.fromkeys(key for g in groups for row in g.rows for key in row.values))
        for panel, group in zip(panels, groups, strict=True):
            _draw_group(panel, group, columns)
        _scale(panels[-1], groups)
        panels[-1].set_xlabel("times as fast as the first row of the group")
        figure.text(0.015, 1 - 0.28 / height, title, fontsize=11)
        _legend(figure, columns, any(row.paper for group in groups for row in group.rows), height)
    return figure


def _draw_group(panel: "Axes", group: Group, columns: Sequence[tuple[str, int]]) -> None:
    engines = list(dict.fromkeys(engine for engine, _ in columns))
    threads = sorted({count for _, count in columns})
    panel.set_title(group.name, loc="left", fontsize=9, color=style.MUTED, pad=4)
    panel.set_yticks(range(len(group.rows)), [row.name for row in group.rows], fontsize=9)
    panel.set_ylim(len(group.rows) - 0.5, -0.5)
    panel.tick_params(length=0)
    panel.grid(axis="both", color=style.FAINT, linewidth=0.8)
    panel.axvline(1.0, color=style.MUTED, linewidth=0.8)
    for height, row in enumerate(group.rows):
        for number, key in enumerate(columns):
            if key not in row.values:
                continue
            shift = 0.36 * ((number + 0.5) / len(columns) - 0.5)
            panel.plot(
                row.values[key], height + shift, _MARKS[threads.index(key[1]) % len(_MARKS)],
                color=_COLOURS[engines.index(key[0]) % len(_COLOURS)], markersize=6, zorder=3,
            )  # fmt: skip
        if row.paper is not None:
            panel.plot(
                row.paper, height, "o", markersize=9, zorder=2, markerfacecolor="none",
                markeredgecolor=style.INK, markeredgewidth=1.1,
            )  # fmt: skip


def _scale(panel: "Axes", groups: Sequence[Group]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    found = [value for group in groups for row in group.rows for value in row.values.values()]
    found += [row.paper for group in groups for row in group.rows if row.paper is not None]
    low, high = min(found, default=1.0), max(found, default=1.0)
    low, high = min(low, 0.95) / 1.05, max(high, 1.05) * 1.05
    panel.set_xscale("log")
    panel.set_xlim(low, high)
    steps = (
        0.05,
        0.1,
        0.2,
        0.3,
        0.4,
        0.5,
        0.6,
        0.7,
        0.8,
        0.9,
        1,
        1.1,
        1.2,
        1.5,
        2,
        3,
        5,
        10,
        20,
        50,
    )
    shown = [step for step in steps if low <= step <= high]
    if len(shown) > 10:
        shown = [step for step in shown if step in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)]
    panel.xaxis.set_major_locator(FixedLocator(shown))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _legend(
    figure: "Figure", columns: Sequence[tuple[str, int]], with_paper: bool, height: float
) -> None:
    from matplotlib.lines import Line2D

    engines = list(dict.fromkeys(engine for engine, _ in columns))
    threads = sorted({count for _, count in columns})
    marks = [
        Line2D(
            [], [], linestyle="", marker=_MARKS[threads.index(count) % len(_MARKS)], markersize=6,
            color=_COLOURS[engines.index(engine) % len(_COLOURS)],
            label=f"{engine}, {count} thread{'s' if count > 1 else ''}",
        )
        for engine, count in columns
    ]  # fmt: skip
    if with_paper:
        marks.append(
            Line2D([], [], linestyle="", marker="o", markersize=9, markerfacecolor="none",
                   color=style.INK, label="the paper")
        )  # fmt: skip
    figure.legend(
        handles=marks, loc="upper left", bbox_to_anchor=(0.005, 1 - 0.33 / height), ncols=4,
        frameon=False, fontsize=8.5, handletextpad=0.2, columnspacing=1.2,
    )  # fmt: skip
