"""report.html from a run's network and header, so that it can be written anew at any time."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from torch import nn

from martlet.data import kinds
from martlet.errors import MartletError
from martlet.measuring.accuracy import number_of
from martlet.measuring.boxes import FIGURES
from martlet.measuring.cost import cost
from martlet.measuring.latency import Latency
from martlet.report.box_page import BoxPage, write_box_page
from martlet.report.page import CostTotals, Page, write_page
from martlet.report.protocols import compare
from martlet.report.reliability import (
    figures_of_probabilities,
    told_of_probabilities,
    told_of_unknown,
)
from martlet.tasks.detection.task import DETECTION, PRECISION
from martlet.tasks.detection.task import SHEET as BOXES_SHEET
from martlet.training.checkpoint import Header
from martlet.training.recipe import Recipe
from martlet.workflows.run_folder import (
    MAPS,
    PAGE,
    PAIRS,
    RELIABILITY,
    SHEET_OF_SUSPECTS,
    SPECTRA,
)
from martlet.workflows.train.siblings import siblings
from martlet.workflows.train.views import told_views


def write_report(
    folder: Path, header: Header, model: nn.Module, latency: Sequence[Latency] = ()
) -> None:
    """Write report.html of the run in `folder`; nothing when `header` has no metrics of classes."""
    if "per_class" not in header.metrics:
        return
    try:
        if header.task == DETECTION.name:
            write_box_page(folder / PAGE, _box_page(folder, header, model))
            return
        page = _page(folder, header, model, latency)
        write_page(folder / PAGE, page)
    except MartletError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise MartletError(
            f"{folder} has metrics in its header that are damaged ({error!r}); the command that "
            "trained it scores it again with --resume."
        ) from error


def _page(folder: Path, header: Header, model: nn.Module, latency: Sequence[Latency]) -> Page:
    metrics, shape = header.metrics, (1, *header.preprocess.shape)
    total, noun = number_of(metrics)
    totals = cost(model, shape)
    sheet, windows = folder / "predictions.png", folder / "windows.png"  # of one kind each
    spectra, reliability = folder / SPECTRA, folder / RELIABILITY
    pairs, suspects = folder / PAIRS, folder / SHEET_OF_SUSPECTS
    return Page(
        name=folder.resolve().name,
        network=header.network.name,
        correct=round(metrics["top1"] * total),
        total=total,
        part=metrics["part"],
        chose_checkpoint=metrics["part"] == "val",
        balanced_accuracy=metrics["balanced_top1"],
        answered=metrics.get("classes_answered"),
        classes=header.classes,
        counts=metrics["counts"],
        odd=metrics["odd"],
        notes=metrics.get("notes", ()),
        caution=metrics.get("caution", ""),
        views=told_views(metrics),
        noun=noun,
        maps=[(title, folder / name) for name, title in MAPS.items() if (folder / name).exists()],
        spectra=spectra if spectra.exists() else None,
        kappa=metrics.get("kappa"),
        comparison=compare(siblings(folder, header)),
        curves=folder / "curves.png",
        confusion=folder / "confusion.png",
        reliability=reliability if reliability.exists() else None,
        calibration=figures_of_probabilities(metrics),
        believed=[*told_of_probabilities(metrics), *told_of_unknown(metrics)],
        predictions=sheet if sheet.exists() else None,
        windows=windows if windows.exists() else None,
        near_duplicates=pairs if pairs.exists() else None,
        suspects=suspects if suspects.exists() else None,
        per_class=metrics["per_class"],
        cost=CostTotals(
            totals.params, totals.macs, totals.bytes_moved, shape, totals.without_macs()
        ),
        date=metrics.get("date", ""),
        seconds=metrics.get("seconds"),
        latency=[asdict(row) for row in latency],
        recipe=_recipe(header),
        machine=metrics["machine"],
        versions=metrics["versions"],
        command=metrics["command"],
    )


def _box_page(folder: Path, header: Header, model: nn.Module) -> BoxPage:
    metrics, shape = header.metrics, (1, *header.preprocess.shape)
    totals = cost(model, shape)
    pictures = (
        ("curves", "Training", folder / "curves.png", "Curves of precision and loss"),
        ("precision", "Precision and recall", folder / PRECISION, "A curve for each class"),
        ("boxes", "Pictures, the worst first", folder / BOXES_SHEET, "Pictures with boxes"),
    )
    return BoxPage(
        name=folder.resolve().name,
        network=f"{header.network.name}, {header.network.options['detector']}",
        told=DETECTION.told(header.network.name, metrics),
        figures={name: metrics[name] for name in FIGURES},
        classes=header.classes,
        counts=metrics["counts"],
        per_class=metrics["per_class"],
        mistakes=metrics["mistakes"],
        pictures=pictures,
        cost=CostTotals(totals.params, totals.macs, totals.bytes_moved, shape),
        odd=metrics["odd"],
        notes=metrics.get("notes", ()),
        date=metrics.get("date", ""),
        seconds=metrics.get("seconds"),
        recipe=_recipe(header),
        machine=metrics["machine"],
        versions=metrics["versions"],
        command=metrics["command"],
    )


def _recipe(header: Header) -> dict[str, Any]:
    """The recipe's options that the run's kind of data has."""
    data = kinds.find(header.preprocess.kind).data
    own = [one.name for one in fields(Recipe) if data in (one.metadata["only"] or [data])]
    values = header.recipe.to_dict()
    return {name: values[name] for name in own}
