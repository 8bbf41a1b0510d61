"""The picture of where time goes: a bar a network and engine, in parts by kind of operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from martlet.report import style
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH, _LINE, _AROUND = 8.6, 0.36, 1.5  # inches: of all, a bar, what is around the bars
_COLOURS = {
    "1×1 convolution": style.BLUE,
    "depthwise convolution": "#56B4E9",
    "convolution": "#004a75",
    "linear": "#CC79A7",
    "normalisation": style.ORANGE,
    "element-wise": "#F0E442",
    "copy": style.RED,
    "pooling": style.GREEN,
    "other": "#b8bec5",
}
_LEAST = 0.055  # of a bar, from where on a part has its figure


@dataclass(frozen=True)
class Shares:
    """A bar: its name, milliseconds of a call, and the share of each kind of operator."""

    name: str
    milliseconds: float
    shares: Mapping[str, float]


def draw_shares(bars: Sequence[Shares], path: Path, title: str, told: str) -> None:
    """Draw the picture into the PNG file `path`; `told` is its caption, which stands in the file.

    Raises MartletError when the file cannot be written.
    """
    write_bytes(path, style.png(shares_figure(bars, title), told))


def shares_figure(bars: Sequence[Shares], title: str) -> "Figure":
    """The first bar is at the top; kinds have one colour in all, in one order."""
    from matplotlib.figure import Figure

    with style.house_style():
        height = _LINE * len(bars) + _AROUND
        figure = Figure(figsize=(_WIDTH, height), dpi=style.DOTS_PER_INCH)
        names = [f"{bar.name}, {bar.milliseconds:.3g} ms" for bar in bars]
        left = min(style.width(names, 9) + 0.25, 0.5 * _WIDTH) / _WIDTH
        figure.subplots_adjust(
            left=left, right=0.97, top=1 - (_AROUND - 0.45) / height, bottom=0.4 / height
        )
        axes = figure.subplots()
        kinds = [kind for kind in _COLOURS if any(kind in bar.shares for bar in bars)]
        for place, bar in enumerate(bars):
            start = 0.0
            for kind in kinds:
                share = bar.shares.get(kind, 0.0)
                axes.barh(place, share, left=start, height=0.72, color=_COLOURS[kind],
                          edgecolor=style.WHITE, linewidth=0.6)  # fmt: skip
                if share >= _LEAST:
                    dark = kind in ("1×1 convolution", "convolution", "copy", "pooling")
                    axes.text(start + share / 2, place, f"{share:.0%}", ha="center", va="center",
                              fontsize=8, color=style.WHITE if dark else style.INK)  # fmt: skip
                start += share
        axes.set_yticks(range(len(bars)), names, fontsize=9)
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "25 %", "50 %", "75 %", "100 %"])
        axes.tick_params(length=0)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        figure.text(0.015, 1 - 0.28 / height, title, fontsize=11)
        _legend(figure, kinds, height)
    return figure


def _legend(figure: "Figure", kinds: Sequence[str], height: float) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=_COLOURS[kind], label=kind) for kind in kinds]
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.005, 1 - 0.35 / height), ncols=5,
        frameon=False, fontsize=8.5, handlelength=1.0, handletextpad=0.4, columnspacing=1.2,
    )  # fmt: skip
