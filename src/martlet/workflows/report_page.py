"""report.html from a run's network and header, so that it can be written anew at any time."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from torch import nn

from martlet.measuring.cost import cost
from martlet.measuring.latency import Latency
from martlet.report.page import CostTotals, Page, write_page
from martlet.training.checkpoint import Header
from martlet.workflows.run_folder import PAGE


def write_report(
    folder: Path, header: Header, model: nn.Module, latency: Sequence[Latency] = ()
) -> None:
    """Write report.html of the run in `folder`; nothing when `header` has no metrics of classes."""
    metrics, shape = header.metrics, (1, *header.preprocess.shape)
    if "per_class" not in metrics:
        return
    totals = cost(model, shape)
    sheet = folder / "predictions.png"  # of pictures alone
    page = Page(
        name=folder.resolve().name,
        network=header.network.name,
        correct=round(metrics["top1"] * metrics["pictures"]),
        total=metrics["pictures"],
        part=metrics["part"],
        chose_checkpoint=metrics["part"] == "val",
        balanced_accuracy=metrics["balanced_top1"],
        answered=metrics.get("classes_answered"),
        classes=header.classes,
        counts=metrics["counts"],
        odd=metrics["odd"],
        curves=folder / "curves.png",
        confusion=folder / "confusion.png",
        predictions=sheet if sheet.exists() else None,
        per_class=metrics["per_class"],
        cost=CostTotals(
            totals.params, totals.macs, totals.bytes_moved, shape, totals.without_macs()
        ),
        date=metrics.get("date", ""),
        seconds=metrics.get("seconds"),
        latency=[asdict(row) for row in latency],
        recipe=header.recipe.to_dict(),
        machine=metrics["machine"],
        versions=metrics["versions"],
        command=metrics["command"],
    )
    write_page(folder / PAGE, page)
