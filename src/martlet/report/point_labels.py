"""Names beside the points of a picture, where they cover least."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from martlet.report import style
from martlet.report.label_places import mark_of, places

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = 8.0  # points


@dataclass(frozen=True)
class Label:
    """A name, and where its point lies on the figure, in inches."""

    name: str
    spot: tuple[float, float]
    colour: str = style.INK


def inches(axes: "Axes", x: float, y: float) -> tuple[float, float]:
    """Where a point of the axes lies on the figure."""
    across, up = axes.transData.transform((x, y))
    return across / axes.figure.dpi, up / axes.figure.dpi


def write_labels(
    axes: "Axes",
    labels: Sequence[Label],
    others: Sequence[tuple[float, float]] = (),
    joined_from: float = 0.0,
) -> None:
    """Write each name, and leave the points `others`, which have none, free.

    joined_from: inches up or down from which on a line joins a name to its point.
    """
    scale = axes.figure.dpi_scale_trans
    frame = axes.get_window_extent().transformed(scale.inverted())
    boxes = places(
        [label.spot for label in labels],
        [(style.width([label.name], SIZE), SIZE / 72 * 1.25) for label in labels],
        (frame.x0, frame.y0, frame.x1, frame.y1),
        [mark_of(spot) for spot in others],
    )
    line = {"arrowstyle": "-", "color": style.FAINT, "lw": 0.8}
    for label, box in zip(labels, boxes, strict=True):
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        far = abs(middle[1] - label.spot[1]) >= joined_from
        axes.annotate(
            label.name, label.spot, middle, xycoords=scale, textcoords=scale, fontsize=SIZE,
            color=label.colour, ha="center", va="center", zorder=4,
            arrowprops=line if far else None,
        )  # fmt: skip
