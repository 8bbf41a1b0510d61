"""How the command line prints boxes: found ones, and how they were scored."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from martlet.console.grid import columns, fill, out, show_table
from martlet.report.result import points

if TYPE_CHECKING:
    from martlet.workflows.box_files import PictureBoxes


def boxes_scored(metrics: dict[str, Any], console: Console) -> None:
    """COCO's figures, kinds of mistakes, and a row per class."""
    figures = ", ".join(
        f"{name} {points(metrics[key])}"
        for name, key in (("AP", "ap"), ("AP50", "ap50"), ("AP75", "ap75"))
    )
    console.print(f"{figures} of {metrics['boxes']} boxes in {metrics['pictures']} pictures")
    kinds = ", ".join(f"{count} {name}" for name, count in metrics["mistakes"].items())
    console.print(f"with a score of 0.3 or more: {kinds}", markup=False)
    table = columns("class", "AP", "AP50", "boxes")
    for row in metrics["per_class"]:
        fill(table, row["class"], points(row["ap"]), points(row["ap50"]), str(row["boxes"]))
    show_table(console, table)


def boxes_found(found: "Sequence[PictureBoxes]", console: Console | None = None) -> None:
    """A row per box, the picture's name before its first one."""
    table = columns("picture", "box", "score", "left", "top", "right", "bottom", left=2)
    for one in found:
        if one.error is not None or not one.boxes:
            fill(table, one.path, one.error or "(nothing)", *[""] * 5)
        for number, box in enumerate(one.boxes):
            corners = (f"{value:.0f}" for value in box[2:])
            fill(table, "" if number else one.path, box.label, f"{box.score:.2f}", *corners)
    show_table(console or out(), table)
