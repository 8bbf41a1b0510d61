"""The curves of a run: accuracy and loss over the epochs."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from swiftlet.errors import SwiftletError
from swiftlet.report.files import write_whole
from swiftlet.report.style import BLUE, FAINT, INK, MUTED, ORANGE, house_style, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, float]]


def draw_curves(history: History, path: str | Path, best: int | None = None) -> None:
    """Draw accuracy and loss over the epochs into the PNG file `path`.

    Args:
        history: one row an epoch with `epoch`, `train_loss`, `val_loss`, `train_top1`, `val_top1`
            (top1 as a fraction 0..1). A value that is missing or not finite leaves a gap.
        path: the file to write; it is replaced whole.
        best: the epoch whose weights were kept; by default the first with the highest `val_top1`.

    Raises:
        SwiftletError: `history` is empty or the file cannot be written.
    """
    write_whole(path, png(curves_figure(history, best)))


def best_epoch(history: History) -> int | None:
    """The first epoch with the highest `val_top1`, or None when no epoch has one."""
    scored = [(row, _value(row, "val_top1")) for row in history]
    scored = [(row, top1) for row, top1 in scored if math.isfinite(top1)]
    if not scored:
        return None
    return int(max(scored, key=lambda pair: pair[1])[0]["epoch"])


def curves_figure(history: History, best: int | None = None) -> "Figure":
    """The figure of `draw_curves`: the upper panel is accuracy, the lower one loss."""
    from matplotlib.figure import Figure

    if not history:
        raise SwiftletError("history has no epochs; at least one is needed to draw curves.")
    best = best_epoch(history) if best is None else best
    with house_style():
        figure = Figure(figsize=(8, 5.6), layout="constrained", facecolor="white")
        accuracy, loss = figure.subplots(2, 1, sharex=True)
        _draw_panel(accuracy, history, "top1", "accuracy, %", 100.0)
        _draw_panel(loss, history, "loss", "loss", 1.0)
        loss.set_xlabel("epoch")
        loss.xaxis.get_major_locator().set_params(integer=True)
        if best is not None:
            for panel in (accuracy, loss):
                panel.axvline(best, color=MUTED, linewidth=1, linestyle=":")
    return figure


def _value(row: Mapping[str, float], key: str) -> float:
    value = row.get(key)
    return math.nan if value is None or not math.isfinite(value) else float(value)


def _draw_panel(panel: "Axes", history: History, quantity: str, label: str, scale: float) -> None:
    epochs = [row["epoch"] for row in history]
    for part, colour in (("train", ORANGE), ("val", BLUE)):
        values = [_value(row, f"{part}_{quantity}") * scale for row in history]
        name = "validation" if part == "val" else "training"
        panel.plot(epochs, values, color=colour, label=name, marker="o" if len(epochs) < 4 else "")
    panel.set_title(label, loc="left", color=INK)
    panel.grid(axis="y", color=FAINT, linewidth=0.8)
    panel.legend(frameon=False)
