"""Pictures and the HTML page of a run: plain data in, files out."""

from martlet.report.confusion import draw_confusion
from martlet.report.curves import best_epoch, draw_curves
from martlet.report.page import ClassRow, CostTotals, LatencyRow, Page, wilson, write_page
from martlet.report.predictions import Shown, draw_predictions

__all__ = [
    "ClassRow",
    "CostTotals",
    "LatencyRow",
    "Page",
    "Shown",
    "best_epoch",
    "draw_confusion",
    "draw_curves",
    "draw_predictions",
    "wilson",
    "write_page",
]
