"""A recording's signal over time, and below it what the network says and what is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from martlet.report import style
from martlet.report.class_colours import class_colours
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_DRAWN = 4000  # points a line; of more, the lowest and highest of each few
MOST_PANELS = 6  # of channels, a panel for each sensor
WIDTH = 11.0  # inches


@dataclass(frozen=True)
class Bar:
    """Samples `first` to `stop` - 1 have the class of number `label`."""

    first: int
    stop: int
    label: int


def draw_timeline(
    values: NDArray[np.float32],
    channels: Sequence[str],
    said: Sequence[Bar],
    classes: Sequence[str],
    path: str | Path,
    *,
    rate: float | None = None,
    known: Sequence[Bar] = (),
    title: str = "",
) -> str:
    """Draw values (length, channels) and the bars below them into the PNG file `path`.

    said: the network's labels; known: those of the file, where it has them. rate: Hz, for the axis
    of time. Channels whose names differ in their last part alone share a panel.

    Returns what the picture shows, in a sentence, which also stands in the file.
    """
    figure = timeline_figure(values, channels, said, classes, rate=rate, known=known, title=title)
    used = {bar.label for bar in said}
    told = (
        f"{len(channels)} channels of {len(values):,} samples, {len(said)} stretches of "
        f"{len(used)} classes."
    )
    write_bytes(path, style.png(figure, told))
    return told


def timeline_figure(
    values: NDArray[np.float32],
    channels: Sequence[str],
    said: Sequence[Bar],
    classes: Sequence[str],
    *,
    rate: float | None = None,
    known: Sequence[Bar] = (),
    title: str = "",
) -> "Figure":
    """The figure of `draw_timeline`."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    panels = panels_of(channels)
    colours = class_colours(len(classes))
    rows = [("network", said), *([("file", known)] if known else [])]
    heights = [*(1.0 for _ in panels), *(0.28 for _ in rows)]
    with style.house_style():
        figure = Figure(figsize=(WIDTH, 1.0 + 1.15 * sum(heights)), dpi=style.DOTS_PER_INCH)
        axes = figure.subplots(
            len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
        )[:, 0]
        for axis, (name, chosen) in zip(axes, panels.items(), strict=False):
            for number in chosen:
                at, drawn = thinned(values[:, number])
                axis.plot(at / (rate or 1.0), drawn, linewidth=0.7)
            axis.set_title(style.printable(name), loc="left", fontsize=9)
        for axis, (name, bars) in zip(axes[len(panels) :], rows, strict=True):
            _draw_bars(axis, bars, colours, rate or 1.0)
            axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        axes[-1].set_xlabel("samples" if rate is None else "seconds")
        axes[-1].set_xlim(0, len(values) / (rate or 1.0))
        used = sorted({bar.label for bar in (*said, *known)})
        columns = min(8, max(1, len(used)))
        room = WIDTH / columns - 0.6  # inches beside a patch
        names = [style.fitted(style.printable(classes[n], f"#{n}"), 10, room) for n in used]
        patches = [Patch(color=colours[n], label=name) for n, name in zip(used, names, strict=True)]
        figure.legend(handles=patches, loc="lower center", ncols=columns, frameon=False)
        shown = style.fitted(style.printable(title), 11, 0.9 * WIDTH)
        figure.suptitle(shown, fontsize=11, x=0.06, ha="left")
        top = 1 - 0.42 / figure.get_figheight()
        low = (0.85 + 0.22 * (max(0, len(used) - 1) // 8)) / figure.get_figheight()
        figure.subplots_adjust(left=0.08, right=0.985, top=top - 0.02, bottom=low, hspace=0.45)
    return figure


def panels_of(channels: Sequence[str]) -> dict[str, list[int]]:
    """Numbers of the channels in each panel: "acc_x", "acc_y" and "acc_z" are one, "acc".

    More sensors than there are panels share the last one.
    """
    found: dict[str, list[int]] = {}
    for number, name in enumerate(channels):
        stem = name
        for sign in "._- ":
            head, _, tail = name.rpartition(sign)
            if head and len(tail) < len(name) - len(head) and not tail.isdigit():
                stem = head
                break
        if stem not in found and len(found) == MOST_PANELS:
            stem = list(found)[-1]
        found.setdefault(stem, []).append(number)
    return found


def thinned(values: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Places and values of a line; a long one is drawn by the extremes of each few samples."""
    step = -(-len(values) // (MOST_DRAWN // 2))
    if step < 2:
        return np.arange(len(values), dtype=np.float64), values
    whole = len(values) // step * step
    parts = values[:whole].reshape(-1, step)
    at = np.repeat(np.arange(0, whole, step, dtype=np.float64), 2)
    at[1::2] += step / 2
    return at, np.column_stack([parts.min(1), parts.max(1)]).ravel()


def _draw_bars(axis: "Axes", bars: Sequence[Bar], colours: Sequence[str], rate: float) -> None:
    for bar in bars:
        axis.axvspan(bar.first / rate, bar.stop / rate, color=colours[bar.label], linewidth=0)
    axis.set_yticks([])
    axis.tick_params(length=0)
    for side in ("left", "right", "top", "bottom"):
        axis.spines[side].set_visible(False)
