"""The roofline of a network: each layer between what memory and what multipliers allow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from martlet.errors import MartletError
from martlet.report import style
from martlet.report.point_labels import Label, inches, write_labels
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 8.6, 5.8  # inches
_LABELS = 6  # layers that are named
_LARGEST = 420.0  # area of a point that takes all the time, in square points
_COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.RED)
_ROOF_SIZE = 7.5  # points, of the roofs' names
_APART = 0.15  # inches between spots that are kept free
_LOW = 0.02  # of the peak, where the picture ends


@dataclass(frozen=True)
class LayerPoint:
    """A layer: its kind, its time, and what it computes and moves in it."""

    name: str
    kind: str
    milliseconds: float
    macs: int  # that are done
    bytes: int
    saved_macs: int = 0  # beside them: by minimal filtering

    @property
    def intensity(self) -> float:
        """Floating-point operations for each byte."""
        return 2 * self.macs / self.bytes

    @property
    def gflops(self) -> float:
        """Two for each MAC."""
        return 2e-6 * self.macs / self.milliseconds


@dataclass(frozen=True)
class Roofs:
    """What one core can do at most: GFLOP/s, and GB/s by where the bytes lie."""

    gflops: float
    bandwidths: Mapping[str, float]

    def at(self, intensity: float) -> float:
        """GFLOP/s that memory, the last of the bandwidths, and the multipliers allow."""
        return min(self.gflops, intensity * list(self.bandwidths.values())[-1])

    @property
    def knee(self) -> float:
        """The intensity from which on the multipliers are the limit, not memory."""
        return self.gflops / list(self.bandwidths.values())[-1]


def draw_roofline(points: Sequence[LayerPoint], roofs: Roofs, title: str, path: Path) -> str:
    """Draw the picture into the PNG file `path`; what it shows in a sentence, also in the file.

    Raises MartletError for a network without multiplications, and when the file cannot be written.
    """
    told = describe_roofline(points, roofs)
    write_bytes(path, style.png(roofline_figure(points, roofs, title), told))
    return told


def describe_roofline(points: Sequence[LayerPoint], roofs: Roofs) -> str:
    """Where the time is: where memory is the limit, where multipliers are, and without either."""
    total = sum(point.milliseconds for point in points)
    macs = sum(point.macs for point in points)
    if not macs:
        raise MartletError("no layer has multiplications; a roofline needs one that has.")
    left = [point for point in points if point.macs and point.intensity < roofs.knee]
    cached = [point for point in left if point.gflops > roofs.at(point.intensity)]
    none = [point for point in points if not point.macs]
    saved = sum(point.saved_macs for point in points)
    without = f" Minimal filtering saves {saved / (macs + saved):.0%} of the MACs."
    return (
        f"{len(left)} of {len(points)} layers do less than {roofs.knee:.1f} operations for each "
        f"byte, left of the knee: {_share(left, total)} of the time, "
        f"{sum(point.macs for point in left) / macs:.0%} of the MACs; {len(cached)} of them are "
        f"above memory's roof, their maps still in a cache ({_share(cached, total)} of the time). "
        f"{len(none)} layers without MACs take {_share(none, total)} of the time. All together "
        f"{2e-6 * macs / total:.0f} GFLOP/s of a peak of {roofs.gflops:.0f}."
        f"{without if saved else ''}"
    )


def _share(points: Sequence[LayerPoint], total: float) -> str:
    return f"{sum(point.milliseconds for point in points) / total:.0%}"


def roofline_figure(points: Sequence[LayerPoint], roofs: Roofs, title: str) -> "Figure":
    """Points are as large as their time; the slowest are named."""
    from matplotlib.figure import Figure

    shown = [point for point in points if point.macs]
    total = sum(point.milliseconds for point in points)
    with style.house_style():
        figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=style.DOTS_PER_INCH)
        figure.subplots_adjust(left=0.09, right=0.97, top=0.86, bottom=0.11)
        axes = figure.subplots()
        figure.text(0.015, 0.955, title, fontsize=11)
        _scale(axes, shown, roofs)
        _draw_roofs(axes, roofs)
        kinds = list(dict.fromkeys(point.kind for point in shown))
        for number, kind in enumerate(kinds):
            mine = [point for point in shown if point.kind == kind]
            axes.scatter(
                [point.intensity for point in mine],
                [_shown(point, roofs) for point in mine],
                s=[14 + _LARGEST * point.milliseconds / total for point in mine],
                color=_COLOURS[number % len(_COLOURS)], alpha=0.75, linewidths=0.5,
                edgecolors=style.WHITE, label=kind, zorder=3,
            )  # fmt: skip
        axes.legend(
            loc="upper left", bbox_to_anchor=(-0.06, 1.13), ncols=4, frameon=False, fontsize=8.5,
            handletextpad=0.2, columnspacing=1.2, markerscale=0.7,
        )  # fmt: skip
        slowest = sorted(shown, key=lambda point: -point.milliseconds)[:_LABELS]
        _write_names(axes, slowest, shown, roofs)
    return figure


def _shown(point: LayerPoint, roofs: Roofs) -> float:
    """A layer that is slower than the picture is low stands on its lower edge."""
    return max(point.gflops, _LOW * roofs.gflops)


def _scale(axes: "Axes", points: Sequence[LayerPoint], roofs: Roofs) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.set_yscale("log")
    low = min(point.intensity for point in points)
    high = max(max(point.intensity for point in points), roofs.knee)
    axes.set_xlim(low / 2, high * 2)
    least = min(_shown(point, roofs) for point in points)
    axes.set_ylim(min(least / 1.6, roofs.gflops / 4), roofs.gflops * 1.5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=30))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("operations for each byte read or written (a MAC is two)")
    axes.set_ylabel("GFLOP/s")
    axes.grid(color=style.FAINT, linewidth=0.6)
    axes.tick_params(length=0)


def _draw_roofs(axes: "Axes", roofs: Roofs) -> None:
    low, high = axes.get_xlim()
    bottom = axes.get_ylim()[0]
    for name, gigabytes in roofs.bandwidths.items():
        knee = roofs.gflops / gigabytes
        start = max(low, bottom / gigabytes)
        if knee > low:
            axes.plot([start, min(knee, high)], [start * gigabytes, min(knee, high) * gigabytes],
                      color=style.MUTED, linewidth=1.1, zorder=2)  # fmt: skip
        at = max(start * 1.15, low * 1.1)
        if at < knee:
            axes.annotate(
                f"{name}, {gigabytes:.0f} GB/s", (at, at * gigabytes), xytext=(0, 3),
                fontsize=_ROOF_SIZE,
                textcoords="offset points", color=style.MUTED, rotation=_slope(axes), va="bottom",
                rotation_mode="anchor",
            )  # fmt: skip
    first = roofs.gflops / max(roofs.bandwidths.values())
    axes.plot([max(first, low), high], [roofs.gflops] * 2, color=style.MUTED, linewidth=1.1)
    axes.annotate(
        _roof_s_name(roofs), (high / 1.05, roofs.gflops), xytext=(0, 3),
        textcoords="offset points", fontsize=_ROOF_SIZE, color=style.MUTED, ha="right", va="bottom",
    )  # fmt: skip


def _slope(axes: "Axes") -> float:
    """Degrees by which a line of one GFLOP/s for each GB/s rises on the picture."""
    from math import atan2, degrees

    (x0, y0), (x1, y1) = axes.transData.transform([(1.0, 1.0), (10.0, 10.0)])
    return degrees(atan2(y1 - y0, x1 - x0))


def _write_names(
    axes: "Axes", points: Sequence[LayerPoint], others: Sequence[LayerPoint], roofs: Roofs
) -> None:
    def spot_of(point: LayerPoint) -> tuple[float, float]:
        return inches(axes, point.intensity, _shown(point, roofs))

    labels = [
        Label(style.shorten(style.printable(point.name), 34), spot_of(point)) for point in points
    ]
    write_labels(axes, labels, [*map(spot_of, others), *_under_the_roof_s_name(axes, roofs)])


def _under_the_roof_s_name(axes: "Axes", roofs: Roofs) -> list[tuple[float, float]]:
    """Spots along the name of the multipliers' roof, which no other name is to cover."""
    right, line = inches(axes, axes.get_xlim()[1] / 1.05, roofs.gflops)
    count = int(style.width([_roof_s_name(roofs)], _ROOF_SIZE) / _APART) + 1
    return [(right - number * _APART, line + _APART / 2) for number in range(count)]


def _roof_s_name(roofs: Roofs) -> str:
    return f"multipliers, {roofs.gflops:.0f} GFLOP/s"
