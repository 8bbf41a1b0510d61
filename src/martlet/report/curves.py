"""The curves of a run: accuracy and loss over the epochs."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from martlet.errors import MartletError
from martlet.report import style
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, float]]
Points = list[tuple[float, float]]  # (epoch, value); NaN for a value that is not finite

# part -> its name, the colour of its line, the colour of its text
_PARTS = {
    "train": ("training", style.ORANGE, style.DARK_ORANGE),
    "val": ("validation", style.BLUE, style.BLUE),
}
ACCURACY = ("top1", "Accuracy")  # what the upper panel shows: its column, and its name
_WIDTH, _LEFT = 6.6, 0.6  # inches: of the picture, and from its left edge to the panels
_LOG_SCALE_FROM = 50.0  # largest loss : smallest loss, from where a linear axis hides the end
_LABEL_GAP = 0.1  # of the panel's height, between the two labels at the right edge


def draw_curves(
    history: History,
    path: str | Path,
    best: int | None = None,
    measure: tuple[str, str] = ACCURACY,
) -> str:
    """Draw accuracy, or another measure, and loss over the epochs into the PNG file `path`.

    Args:
        history: one row an epoch with `epoch` and any of `train_loss`, `val_loss`, `train_top1`,
            `val_top1` (top1 as a fraction 0..1). A missing value is passed over, one that is not
            finite leaves a gap and is marked.
        path: the file to write; it is replaced whole.
        best: the epoch whose weights were kept; by default the first with the highest `val_top1`.
        measure: a fraction 0..1 in place of top1: its name in the rows, without "train_", and what
            it is called.

    Returns:
        What the picture shows, in a sentence, for its caption; it also stands in the file.

    Raises:
        MartletError: `history` is empty, or the file cannot be written.
    """
    told = describe_curves(history, best, measure)
    write_bytes(path, style.png(curves_figure(history, best, measure), told))
    return told


def best_epoch(history: History, measure: tuple[str, str] = ACCURACY) -> int | None:
    """The first epoch with the highest `val_top1`, or None when no epoch has one."""
    scored = [point for point in _points(history, f"val_{measure[0]}") if math.isfinite(point[1])]
    return int(max(scored, key=lambda point: point[1])[0]) if scored else None


def describe_curves(
    history: History, best: int | None = None, measure: tuple[str, str] = ACCURACY
) -> str:
    """The curves in words."""
    best = best_epoch(history, measure) if best is None else best
    column, name = measure
    value = dict(_points(history, f"val_{column}")).get(best if best is not None else math.nan)
    epochs = f"{len(history)} epoch" + ("s" if len(history) != 1 else "")
    told = f"{name} and loss over {epochs}."
    if value is not None and math.isfinite(value):
        called = name.lower() if name.istitle() else name
        told += f" Best validation {called}: {100 * value:.1f} % in epoch {best}."
    broken = _broken_epochs(history)
    if broken:
        told += f" The loss was not a number in {_spans(broken)}."
    return told


def curves_figure(
    history: History, best: int | None = None, measure: tuple[str, str] = ACCURACY
) -> "Figure":
    """The figure of `draw_curves`: the upper panel is accuracy, the lower one is loss."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    if not history:
        raise MartletError("history has no epochs; at least one is needed to draw curves.")
    best = best_epoch(history, measure) if best is None else best
    with style.house_style():
        figure = Figure(figsize=(_WIDTH, 5.4), dpi=style.DOTS_PER_INCH)
        figure.subplots_adjust(left=_LEFT / _WIDTH, top=0.925, bottom=0.1, hspace=0.26)
        accuracy, loss = figure.subplots(2, 1, sharex=True)
        first, last = history[0]["epoch"], history[-1]["epoch"]
        room = max(0.5, 0.012 * (last - first))
        loss.set_xlim(first - room, last + room)
        loss.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
        loss.set_xlabel("epoch")
        lines = _lines(history, measure[0], scale=100.0), _lines(history, "loss")
        _scale_accuracy(accuracy, _values(lines[0]), f"{measure[1]}, %")
        _scale_loss(loss, _values(lines[1]))
        labels = [
            *_draw_lines(accuracy, lines[0], "{:.1f} %"),
            *_draw_lines(loss, lines[1], "{:.3g}"),
        ]
        right = _WIDTH - style.width(labels, 10) - 0.2
        figure.subplots_adjust(right=right / _WIDTH)
        _mark_broken(loss, _broken_epochs(history))
        _mark_best(accuracy, loss, history, best, right - _LEFT, measure[0])
    return figure


def _points(history: History, key: str) -> Points:
    present = [(float(row["epoch"]), row[key]) for row in history if row.get(key) is not None]
    return [(epoch, float(v) if math.isfinite(v) else math.nan) for epoch, v in present]


def _lines(history: History, quantity: str, scale: float = 1.0) -> dict[str, Points]:
    """part -> its points, for the parts that have a finite value."""
    lines = {
        part: [(epoch, value * scale) for epoch, value in _points(history, f"{part}_{quantity}")]
        for part in _PARTS
    }
    return {part: points for part, points in lines.items() if _finite(points)}


def _finite(points: Points) -> list[float]:
    return [value for _, value in points if math.isfinite(value)]


def _values(lines: Mapping[str, Points]) -> list[float]:
    return [value for points in lines.values() for value in _finite(points)]


def _broken_epochs(history: History) -> list[int]:
    """Epochs with a loss that is there but not finite."""
    losses = [*_points(history, "train_loss"), *_points(history, "val_loss")]
    return sorted({int(epoch) for epoch, value in losses if math.isnan(value)})


def _spans(epochs: Sequence[int]) -> str:
    """[3, 4, 5, 9] -> "epochs 3–5, 9"."""
    spans: list[list[int]] = []
    for epoch in epochs:
        if spans and epoch == spans[-1][-1] + 1:
            spans[-1] = [spans[-1][0], epoch]
        else:
            spans.append([epoch])
    shown = ", ".join("–".join(map(str, span)) for span in spans[:4])
    return f"epoch{'s' if len(epochs) > 1 else ''} {shown}" + (", …" if len(spans) > 4 else "")


def _scale_accuracy(panel: "Axes", values: Sequence[float], title: str) -> None:
    """From a bit below the lowest to a bit above the highest, and never less than 5 points."""
    panel.set_title(title, loc="left", fontsize=11, pad=9)
    low, high = min(values, default=0.0), max(values, default=100.0)
    low = max(0.0, min(low, high - 5.0))
    air = 0.05 * (max(high, low + 5.0) - low)
    panel.set_ylim(low - air, max(high, low + 5.0) + air)


def _scale_loss(panel: "Axes", values: Sequence[float]) -> None:
    """From 0 unless that would waste half the panel; logarithmic for a loss that fell very far."""
    from matplotlib.ticker import FuncFormatter

    low, high = min(values, default=0.0), max(values, default=1.0)
    if low > 0 and high / low > _LOG_SCALE_FROM:
        panel.set_title("Loss, logarithmic scale", loc="left", fontsize=11, pad=9)
        panel.set_yscale("log")
        panel.set_ylim(low / 1.3, high * 1.3)
        panel.yaxis.set_major_formatter(FuncFormatter("{:g}".format))
        panel.minorticks_off()
        return
    panel.set_title("Loss", loc="left", fontsize=11, pad=9)
    bottom = 0.0 if 0 <= low < 0.5 * high or low == high else low
    span = high - bottom or abs(high) or 1.0
    panel.set_ylim(bottom - (0.05 * span if bottom else 0.0), bottom + 1.05 * span)


def _draw_lines(panel: "Axes", lines: Mapping[str, Points], form: str) -> list[str]:
    """Draw a line a part, each named with its last value at the right edge; return the names."""
    panel.grid(axis="y", color=style.FAINT, linewidth=0.8)
    panel.tick_params(length=0)
    panel.spines["left"].set_visible(False)
    if not lines:
        panel.set_yticks([])
        panel.text(0.5, 0.5, "no values", transform=panel.transAxes, ha="center", color=style.MUTED)
    for part, points in lines.items():
        colour = _PARTS[part][1]
        order = 3 if part == "val" else 2  # on top: it is what the run is judged by
        panel.plot(*zip(*points, strict=True), color=colour, linewidth=1.8, gid=part, zorder=order)
        dots = points if len(points) <= 12 else _isolated(points)
        if dots:
            panel.plot(*zip(*dots, strict=True), ".", color=colour, markersize=8, zorder=order)
    ends = {part: _finite(points)[-1] for part, points in lines.items()}
    texts = {part: f"{_PARTS[part][0]} {form.format(end)}" for part, end in ends.items()}
    for part, height in _spread({part: _height(panel, end) for part, end in ends.items()}).items():
        panel.text(
            1.02, height, texts[part], transform=panel.transAxes, va="center",
            color=_PARTS[part][2], gid=f"{part} label",
        )  # fmt: skip
    return list(texts.values())


def _isolated(points: Points) -> Points:
    """Finite points without a finite neighbour, which a line alone does not show."""
    padded = [math.nan, *(value for _, value in points), math.nan]
    return [
        point
        for point, before, after in zip(points, padded, padded[2:], strict=False)
        if math.isfinite(point[1]) and math.isnan(before) and math.isnan(after)
    ]


def _height(panel: "Axes", value: float) -> float:
    """Where `value` lies in the panel's height, 0..1."""
    return float(panel.transAxes.inverted().transform(panel.transData.transform((0, value)))[1])


def _spread(heights: dict[str, float]) -> dict[str, float]:
    """Move two labels apart, evenly, until they do not touch."""
    if len(heights) < 2:
        return heights
    (low, a), (high, b) = sorted(heights.items(), key=lambda pair: pair[1])
    push = max(0.0, _LABEL_GAP - (b - a)) / 2
    return {low: a - push, high: b + push}


def _mark_broken(panel: "Axes", epochs: Sequence[int]) -> None:
    """Crosses at the foot of the panel where the loss was not finite, named beside the title."""
    if not epochs:
        return
    foot = panel.get_xaxis_transform()
    height = [0.04] * len(epochs)
    panel.plot(epochs, height, "x", color=style.RED, transform=foot, gid="broken", zorder=5)
    text = f"× not a number in {_spans(epochs)}"
    panel.set_title(text, loc="right", fontsize=9, pad=9, color=style.RED)


def _mark_best(
    accuracy: "Axes", loss: "Axes", history: History, best: int | None, inches: float, column: str
) -> None:
    """A dotted line through both panels at the epoch that was kept, named above the upper one."""
    if best is None:
        return
    for panel in (accuracy, loss):
        panel.axvline(best, color=style.MUTED, linewidth=1, linestyle=(0, (1, 2)), gid="best")
    value = 100 * dict(_points(history, f"val_{column}")).get(float(best), math.nan)
    text = f"best: epoch {best}"
    if math.isfinite(value):
        text += f", {value:.1f} %"
        accuracy.plot(
            [best], [value], "o", color=style.BLUE, markersize=8, zorder=4,
            markeredgecolor="white", markeredgewidth=1.5, gid="best value",
        )  # fmt: skip
    # Over its line, as far as the title on the left and the panel's edge on the right allow.
    half = style.width([text], 9) / 2
    left, right = accuracy.get_xlim()
    middle = (best - left) / (right - left) * inches
    middle = min(
        max(middle, style.width([accuracy.get_title(loc="left")], 11) + 0.2 + half), inches - half
    )
    accuracy.annotate(
        text, (middle / inches, 1), xycoords="axes fraction", xytext=(0, 5),
        textcoords="offset points", ha="center", va="bottom", color=style.MUTED, fontsize=9,
    )  # fmt: skip
