"""Where the time of a compiled network goes: a bar per layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from martlet.errors import MartletError
from martlet.report import style
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 80  # layers with a bar of their own
_WIDTH, _BARS = 10.0, 3.4  # inches: of the picture, and of the longest bar
_LINE = 0.2  # inches from bar to bar
_SIZE = 8.0  # points


@dataclass(frozen=True)
class Bar:
    """One layer; `gflops` is 0 for a layer without multiplications."""

    name: str
    summary: str
    milliseconds: float
    gflops: float


def draw_layers(bars: Sequence[Bar], peak_gflops: float, title: str, path: str | Path) -> str:
    """Draw the time of every layer into the PNG file `path`.

    The blue part of a bar is what the multiplications take at `peak_gflops`, the orange part is
    the rest. Of more than 80 layers the slowest have bars.

    Returns:
        What the picture shows, in a sentence; it also stands in the file.

    Raises:
        MartletError: `bars` is empty, or the file cannot be written.
    """
    told = describe_layers(bars, peak_gflops)
    write_bytes(path, style.png(layers_figure(bars, peak_gflops, title), told))
    return told


def describe_layers(bars: Sequence[Bar], peak_gflops: float) -> str:
    """The bars in words."""
    if not bars:
        raise MartletError("bars is empty; a network of at least one layer is needed.")
    total = sum(bar.milliseconds for bar in bars)
    slowest = max(bars, key=lambda bar: bar.milliseconds)
    gflops = sum(bar.gflops * bar.milliseconds for bar in bars) / max(total, 1e-9)
    return (
        f"{len(bars)} layers take {total:.3g} ms at {gflops:.0f} GFLOP/s, "
        f"{gflops / peak_gflops:.0%} of the measured peak of {peak_gflops:.0f} GFLOP/s; the "
        f"slowest is {style.printable(slowest.name)} with {slowest.milliseconds:.3g} ms."
    )


def layers_figure(bars: Sequence[Bar], peak_gflops: float, title: str) -> "Figure":
    """The figure of `draw_layers`: the first layer is at the top."""
    from matplotlib.figure import Figure

    told = describe_layers(bars, peak_gflops)
    shown = _slowest(bars)
    with style.house_style():
        height = _LINE * len(shown) + 1.0
        figure = Figure(figsize=(_WIDTH, height), dpi=style.DOTS_PER_INCH)
        left = _WIDTH - _BARS - 1.9
        axes = figure.add_axes(
            (left / _WIDTH, 0.15 / height, _BARS / _WIDTH, _LINE * len(shown) / height)
        )
        places = range(len(shown))
        ideal = [bar.gflops / peak_gflops * bar.milliseconds for bar in shown]
        rest = [max(0.0, bar.milliseconds - part) for bar, part in zip(shown, ideal, strict=True)]
        axes.barh(places, ideal, height=0.75, color=style.BLUE)
        axes.barh(places, rest, height=0.75, left=ideal, color=style.ORANGE)
        longest = max(bar.milliseconds for bar in shown)
        for place, bar in enumerate(shown):
            axes.text(
                bar.milliseconds + 0.01 * longest, place, _figures(bar, peak_gflops),
                size=_SIZE, va="center",
            )  # fmt: skip
            label = style.fitted(style.printable(f"{bar.name}: {bar.summary}"), _SIZE, left - 0.3)
            axes.text(-0.01 * longest, place, label, size=_SIZE, va="center", ha="right")
        axes.set_xlim(0, longest)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.axis("off")
        top = 1 - 0.28 / height
        figure.text(0.2 / _WIDTH, top, style.printable(title), size=11, weight="bold")
        figure.text(0.2 / _WIDTH, 1 - 0.5 / height, told, size=_SIZE, color=style.MUTED)
        colours = (("multiplications at the peak", style.BLUE), ("all else", style.ORANGE))
        for number, (text, colour) in enumerate(colours):
            x = (0.2 + 1.9 * number) / _WIDTH
            figure.text(x, 1 - 0.72 / height, f"■ {text}", size=_SIZE, color=colour)
    return figure


def _slowest(bars: Sequence[Bar]) -> list[Bar]:
    """The bars to show, in the order of the network."""
    places = sorted(range(len(bars)), key=lambda place: -bars[place].milliseconds)[:_MOST]
    return [bars[place] for place in sorted(places)]


def duration(milliseconds: float) -> str:
    """0.0123 -> "12.3 µs": three digits, in the unit that has them."""
    if milliseconds < 1:
        return f"{1000 * milliseconds:.3g} µs"
    return f"{milliseconds:.{max(0, 3 - len(str(int(milliseconds))))}f} ms"


def _figures(bar: Bar, peak_gflops: float) -> str:
    text = duration(bar.milliseconds)
    if bar.gflops:
        text += f", {bar.gflops:.0f} GFLOP/s, {bar.gflops / peak_gflops:.0%}"
    return text
