"""What a cross-validation says: of each fold, of them all, and of all answers together."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from martlet.console.progress import Voice
from martlet.data import kinds
from martlet.data.kind import Samples
from martlet.inference.views import over_views
from martlet.measuring.accuracy import called, evaluation
from martlet.measuring.boxes import BoxEvaluation
from martlet.report.confusion import draw_confusion
from martlet.report.precision_curves import draw_precision
from martlet.storage.files import write_text
from martlet.tasks import Task
from martlet.tasks.detection.task import DETECTION, PRECISION
from martlet.workflows.checks.label_check import check_labels
from martlet.workflows.evaluate import logits_of
from martlet.workflows.folds.out_of_fold import OUT_OF_FOLD, OutOfFold, write_out_of_fold
from martlet.workflows.open_network import open_network
from martlet.workflows.run_folder import SHEET_OF_SUSPECTS, SUSPECTS, Run
from martlet.workflows.train.plan import Plan
from martlet.workflows.train.prepare import choose_split

SUMMARY, CONFUSION = "cross_validation.json", "confusion.png"
WRITTEN = (SUMMARY, OUT_OF_FOLD, CONFUSION, SUSPECTS, SHEET_OF_SUSPECTS, PRECISION)
OF_CLASSES = {"top1": "top1", "macro_f1": "macro F1"}
OF_BOXES = {"ap": "AP", "ap50": "AP50"}


class Held(NamedTuple):
    """A fold's samples, what its network puts out for them, and what is right."""

    indices: Sequence[int]
    outputs: NDArray[np.float32]
    targets: NDArray[Any]


def sum_up(plan: Plan, samples: Samples, folds: Sequence[tuple[str, ...]], voice: Voice) -> Run:
    """Score each fold's network on what it has not seen; mean, range, and all answers together."""
    targets = plan.task.targets(samples, samples.classes)
    found = [_held(plan, samples, targets, number) for number in range(1, len(folds) + 1)]
    figures, kept = figures_of(plan.task), None
    if figures is OF_BOXES:
        metrics = _of_boxes(plan, samples, found)
    else:
        metrics, kept = _of_classes(plan, samples, folds, found)
    write_text(plan.folder / SUMMARY, json.dumps(metrics, indent=1))
    if kept is not None:
        noun = kinds.find(plan.preprocess.kind).noun
        metrics["labels"] = check_labels(plan.folder, kept, samples, plan.preprocess, noun)
    _tell(metrics, figures, voice)
    if kept is not None:
        voice.say(metrics["labels"])
    return Run(plan.folder, metrics)


def figures_of(task: Task) -> dict[str, str]:
    """The figures that are summed up, and what they are called; the first tells of a fold."""
    return OF_BOXES if task.name == DETECTION.name else OF_CLASSES


def _held(plan: Plan, samples: Samples, targets: NDArray[Any], number: int) -> Held:
    network = open_network(plan.folder / f"fold-{number}", plan.options.device)
    one = replace(plan, options=replace(plan.options, fold=number))
    indices = choose_split(one, samples).test
    outputs = logits_of(over_views(network, plan.options.tta), samples, indices)
    return Held(indices, outputs, targets[list(indices)])


def _of_classes(
    plan: Plan, samples: Samples, folds: Sequence[tuple[str, ...]], found: Sequence[Held]
) -> tuple[dict[str, Any], OutOfFold]:
    """The figures, and all answers; these are written, and confusion is drawn."""
    noun, rows = kinds.find(plan.preprocess.kind).noun, []
    for number, (held, one) in enumerate(zip(folds, found, strict=True), 1):
        own = called(evaluation(one.outputs, one.targets, samples.classes).metrics, noun)
        figures = {name: own[name] for name in (noun, "top1", "balanced_top1", "macro_f1")}
        named = list(held) if samples.groups is not None else []
        rows.append({"fold": number, "held_out": named, **figures})
    chosen = [index for one in found for index in one.indices]
    kept = OutOfFold(
        classes=np.array(samples.classes),
        names=np.array([samples.names[index] for index in chosen]),
        digests=np.array([samples.digests[index] for index in chosen]),
        targets=np.concatenate([one.targets for one in found]),
        folds=np.repeat(np.arange(1, len(folds) + 1), [len(one.indices) for one in found]),
        logits=np.concatenate([one.outputs for one in found]),
    )
    write_out_of_fold(plan.folder, kept)
    pooled = evaluation(kept.logits, kept.targets, samples.classes)
    draw_confusion(pooled.confusion, samples.classes, plan.folder / CONFUSION, noun)
    metrics = {**called(pooled.metrics, noun), "folds": rows, **_spread(rows, OF_CLASSES)}
    metrics["confusion"] = pooled.confusion.tolist()
    return metrics, kept


def _of_boxes(plan: Plan, samples: Samples, found: Sequence[Held]) -> dict[str, Any]:
    """Written and drawn: precision over recall, a curve a class."""

    def scored(outputs: NDArray[np.float32], targets: NDArray[Any]) -> BoxEvaluation:
        made = plan.task.evaluate(outputs, targets, samples.classes)
        assert isinstance(made, BoxEvaluation)
        return made

    rows = []
    for number, one in enumerate(found, 1):
        own = scored(one.outputs, one.targets).metrics
        figures = {name: own[name] for name in ("pictures", "boxes", *OF_BOXES)}
        rows.append({"fold": number, "held_out": [], **figures})
    pooled = scored(*(np.concatenate(part) for part in list(zip(*found, strict=True))[1:]))
    draw_precision(pooled.precision, samples.classes, plan.folder / PRECISION)
    return {**pooled.metrics, "folds": rows, **_spread(rows, OF_BOXES)}


def _spread(rows: Sequence[Mapping[str, Any]], figures: Mapping[str, str]) -> dict[str, Any]:
    """Mean, deviation and range of the folds; a fold without what is scored has no figure."""
    found: dict[str, Any] = {}
    for name in figures:
        values = [row[name] for row in rows if row[name] is not None]
        found[f"{name}_mean"] = np.mean(values).item()
        found[f"{name}_std"] = np.std(values, ddof=1).item()
        found[f"{name}_range"] = [min(values), max(values)]
    return found


def _tell(metrics: Mapping[str, Any], figures: Mapping[str, str], voice: Voice) -> None:
    table, noun = Table(box=None, pad_edge=False), metrics.get("noun", "pictures")
    named = any(row["held_out"] for row in metrics["folds"])
    for name in ("fold", *["held out"] * named, noun, *figures.values()):
        table.add_column(name, justify="left" if name == "held out" else "right")
    for row in metrics["folds"]:
        held = ", ".join(row["held_out"][:5]) + (" …" if len(row["held_out"]) > 5 else "")
        own = ["–" if row[name] is None else f"{row[name]:.2%}" for name in figures]
        table.add_row(str(row["fold"]), *[held] * named, str(row[noun]), *own)
    voice.table(table)
    for name, word in figures.items():
        low, high = metrics[f"{name}_range"]
        voice.say(
            f"{word}: mean of the folds {metrics[f'{name}_mean']:.2%} ± "
            f"{metrics[f'{name}_std']:.2%} ({low:.2%} to {high:.2%}), "
            f"all answers together {metrics[name]:.2%}"
        )
