"""Precision against recall: a curve for each class of boxes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from martlet.report import style
from martlet.report.class_colours import class_colours
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 10  # curves with a name; of more classes the lowest are shown


def draw_precision(
    precision: npt.NDArray[np.floating], classes: Sequence[str], path: str | Path
) -> str:
    """Draw a curve for each class into the PNG file `path`.

    precision: (classes, points) from recall 0 to 1, at equal steps; NaN for classes without boxes.

    Returns what the picture shows, in a sentence, for its caption; it also stands in the file.
    Raises MartletError when the file cannot be written.
    """
    chosen = _chosen(precision)
    lowest = " with the lowest average precision" if _known(precision).sum() > len(chosen) else ""
    told = (
        f"Precision against recall at an IoU of 0.5 of {len(chosen)} classes{lowest}; the area "
        "below a curve is the average precision of its class."
    )
    write_bytes(path, style.png(precision_figure(precision, classes), told))
    return told


def _known(precision: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = ~np.isnan(precision).any(axis=1)
    return found


def _chosen(precision: npt.NDArray[np.floating]) -> list[int]:
    """Numbers of the classes that are shown, in their order."""
    known = np.flatnonzero(_known(precision))
    order = known[np.argsort(precision[known].mean(axis=1), kind="stable")]
    return sorted(order[:_MOST].tolist())


def precision_figure(precision: npt.NDArray[np.floating], classes: Sequence[str]) -> "Figure":
    """The figure of `draw_precision`."""
    from matplotlib.figure import Figure

    recall = np.linspace(0, 100, precision.shape[1])
    colours = class_colours(len(classes), None)
    with style.house_style():
        figure = Figure(figsize=(6.6, 4.2), dpi=style.DOTS_PER_INCH)
        panel = figure.subplots()
        figure.subplots_adjust(left=0.09, right=0.66, top=0.92, bottom=0.12)
        for number in _chosen(precision):
            values = 100 * precision[number]
            name = style.fitted(style.printable(classes[number]), 9, 1.4)
            panel.plot(
                recall, values, color=colours[number], linewidth=1.8,
                label=f"{name}  {values.mean():.1f}",
            )  # fmt: skip
        panel.set_title("Precision, %", loc="left", fontsize=11, pad=9)
        panel.set_xlabel("recall, %")
        panel.set_xlim(0, 100)
        panel.set_ylim(0, 102)
        panel.grid(color=style.FAINT, linewidth=0.8)
        panel.tick_params(length=0)
        if _chosen(precision):
            panel.legend(
                loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize=9,
                title="class, AP50", title_fontsize=9, alignment="left",
            )  # fmt: skip
    return figure
