"""The picture of an experiment: its figure against MACs, with intervals and the paper's marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from martlet.report import style
from martlet.report.point_labels import Label, inches, write_labels
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 8.6, 5.6  # inches
_FAR = 0.2  # inches between a label and its point, from where on a line joins them
_AIR = 0.14  # of an axis beyond its outermost values


@dataclass(frozen=True)
class Point:
    """A row of the table: ours, the paper's, or both.

    `value`, `low` and `high` are in percent, `macs` of one input as trained; `paper` is the printed
    figure, `paper_macs` what it costs at the paper's size. None for what there is not.
    """

    name: str
    macs: float
    value: float | None
    low: float | None = None
    high: float | None = None
    paper: float | None = None
    paper_macs: float | None = None


@dataclass(frozen=True)
class Names:
    """What the two vertical axes are called."""

    ours: str
    papers: str


def draw_experiment(
    points: Sequence[Point], names: Names, path: Path, title: str, told: str
) -> None:
    """Draw the picture into the PNG file `path`; `told` is its caption, which stands in the file.

    Raises MartletError when the file cannot be written.
    """
    write_bytes(path, style.png(experiment_figure(points, names, title), told))


def experiment_figure(points: Sequence[Point], names: Names, title: str) -> "Figure":
    """Filled points with bars are ours (left axis), hollow ones the paper's (right axis)."""
    from matplotlib.figure import Figure

    with style.house_style():
        figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=style.DOTS_PER_INCH)
        figure.subplots_adjust(left=0.085, right=0.915, top=0.9, bottom=0.115)
        left = figure.subplots()
        left.set_title(title, loc="left", fontsize=11, pad=12)
        ours = [point for point in points if point.value is not None]
        printed = [point for point in points if point.paper is not None and point.paper_macs]
        _scale(left, ours, printed, names)
        _draw_ours(left, ours)
        labels = [Label(p.name, inches(left, p.macs / 1e6, p.value or 0)) for p in ours]
        if printed:
            right, colour = _draw_papers(left, printed, names), style.DARK_ORANGE
            labels += [
                Label(p.name, inches(right, (p.paper_macs or 0) / 1e6, p.paper or 0), colour)
                for p in printed
            ]
        write_labels(left, labels, joined_from=_FAR)
    return figure


def _scale(axes: "Axes", ours: Sequence[Point], printed: Sequence[Point], names: Names) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("multiply-adds of an input, millions (ours as trained, the paper's as printed)")
    axes.set_ylabel(names.ours, color=style.BLUE)
    axes.grid(axis="y", color=style.FAINT, linewidth=0.8)
    axes.tick_params(length=0)
    macs = [point.macs for point in ours] + [point.paper_macs or 0 for point in printed]
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = min(macs) / 1e6, max(macs) / 1e6
    axes.set_xlim(low / 1.6, high * 1.6)
    steps = [a * 10.0**b for b in range(-3, 6) for a in (1, 2, 5)]
    axes.xaxis.set_major_locator(FixedLocator([s for s in steps if low / 1.6 <= s <= high * 1.6]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    heights = [
        height
        for point in ours
        for height in (point.low, point.value, point.high)
        if height is not None
    ]
    _limits(axes, heights)


def _limits(axes: "Axes", heights: Sequence[float]) -> None:
    low, high = min(heights, default=0.0), max(heights, default=100.0)
    air = _AIR * max(high - low, 1.0)
    axes.set_ylim(low - air, high + air)


def _draw_ours(axes: "Axes", points: Sequence[Point]) -> None:
    for point in points:
        assert point.value is not None
        if point.low is not None and point.high is not None:
            axes.plot(
                [point.macs / 1e6] * 2, [point.low, point.high], color=style.BLUE, linewidth=1.2,
                alpha=0.55, zorder=2,
            )  # fmt: skip
        axes.plot(point.macs / 1e6, point.value, "o", color=style.BLUE, markersize=6, zorder=3)


def _draw_papers(left: "Axes", points: Sequence[Point], names: Names) -> "Axes":
    right = left.twinx()
    right.spines["left"].set_visible(False)
    right.tick_params(length=0)
    right.set_ylabel(names.papers, color=style.DARK_ORANGE)
    _limits(right, [point.paper for point in points if point.paper is not None])
    for point in points:
        assert point.paper is not None
        assert point.paper_macs is not None
        right.plot(
            point.paper_macs / 1e6, point.paper, "o", markersize=6, zorder=2,
            markerfacecolor=style.WHITE, markeredgecolor=style.ORANGE, markeredgewidth=1.4,
        )  # fmt: skip
    return right
