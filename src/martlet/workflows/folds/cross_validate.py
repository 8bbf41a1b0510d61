"""`train --cross-validate`: each fold is a run in a process of its own; then the sum."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from martlet.console.progress import Voice
from martlet.data import kinds
from martlet.data.cache import cores
from martlet.data.folds import folds_of, folds_of_pictures
from martlet.data.kind import Samples
from martlet.data.pictures.kind import PICTURES
from martlet.errors import MartletError
from martlet.inference.views import over_views
from martlet.measuring.accuracy import called, evaluation
from martlet.report.confusion import draw_confusion
from martlet.storage.claim import CLAIM, claimed
from martlet.storage.files import write_text
from martlet.training import checkpoint
from martlet.training.run_files import MODEL
from martlet.workflows.attached import end_all, last_words, start
from martlet.workflows.checks.label_check import check_labels
from martlet.workflows.device import choose_device
from martlet.workflows.evaluate import logits_of
from martlet.workflows.folds.finished import check_same, finished
from martlet.workflows.folds.out_of_fold import OUT_OF_FOLD, OutOfFold, write_out_of_fold
from martlet.workflows.open_network import open_network
from martlet.workflows.run_folder import SHEET_OF_SUSPECTS, SUSPECTS, Run
from martlet.workflows.samples import read_samples
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.plan import Plan, make_plan
from martlet.workflows.train.prepare import choose_split
from martlet.workflows.train.processes import refuse_several
from martlet.workflows.train.resume import model_is_lost

SUMMARY = "cross_validation.json"
WRITTEN = (SUMMARY, OUT_OF_FOLD, "confusion.png", SUSPECTS, SHEET_OF_SUSPECTS)


def cross_validate(data: Path, options: TrainOptions) -> Run:
    """Train all folds, as many at once as there are cores, each with one thread; then sum up.

    A fold whose run is finished is not trained again with `resume`, one that has lost its weights
    is. Raises MartletError for data in given parts, for a class that not every fold has, for a
    folder that is there already, for finished folds of other arguments, and when a fold fails.
    """
    refuse_several("cross_validate")
    plan, voice = make_plan(data, options), Voice(options.quiet)
    _check_folder(plan)
    samples = read_samples(
        plan.data, plan.preprocess, voice, options=options, max_bad=options.max_bad
    )
    folds, unit = _deal(plan, samples)
    for sentence in samples.odd:
        voice.say(sentence)
    at_once = cores() if choose_device(options.device).type == "cpu" else 1
    voice.say(
        f"{len(folds)} folds by {unit}, {min(at_once, len(folds))} at once, each in {plan.folder}"
    )
    with claimed(plan.folder):
        _train_all(plan, samples, len(folds), at_once, voice)
        return _sum_up(plan, samples, folds, voice)


def _deal(plan: Plan, samples: Samples) -> tuple[list[tuple[str, ...]], str]:
    """What each fold holds out, and what that is called: subjects, groups or contents."""
    asked, seed = str(plan.options.cross_validate), plan.options.seed
    if samples.groups is None or plan.preprocess.kind == PICTURES.name:
        unit = "content" if samples.groups is None else "group"
        return folds_of_pictures(samples, asked, seed), unit
    if any(samples.parts):
        raise MartletError(
            f"cross_validate divides {str(plan.data)!r} itself, and it is given in parts; give one "
            "folder or file without parts."
        )
    unit = "subject" if getattr(samples, "by_subject", True) else "recording"
    return folds_of(samples.labels, samples.groups, asked, seed, unit), unit


def _check_folder(plan: Plan) -> None:
    names = {path.name for path in plan.folder.iterdir()} if plan.folder.is_dir() else set()
    names -= {CLAIM}
    if not names or (plan.options.resume and not plan.options.overwrite):
        return
    ours = all(name.startswith("fold-") or name in WRITTEN for name in names)
    if not (plan.options.overwrite and ours):
        raise MartletError(
            f"{plan.folder} exists already; use --resume to go on with its folds, --name for "
            "another folder, or --overwrite to train them anew."
            if ours
            else f"{plan.folder} holds {min(names, key=_strange)!r}, which no cross-validation "
            "wrote, and is neither gone on with nor overwritten; give --name for another folder."
        )


def _strange(name: str) -> tuple[bool, str]:
    """Sorts files that are no fold's first."""
    return name.startswith("fold-") or name in WRITTEN, name


def command_of(plan: Plan, fold: int) -> list[str]:
    """The words behind `martlet` that train one fold; one that cannot go on, for its best weights
    are gone, from new."""
    given = plan.options
    anew = given.overwrite or model_is_lost(plan.folder / f"fold-{fold}")
    options = replace(
        given,
        fold=fold,
        folder=plan.folder,
        name=f"fold-{fold}",
        workers=0 if given.workers is None else given.workers,
    )
    how = ["--quiet", "--overwrite"] if anew else ["--quiet", *["--resume"] * given.resume]
    return [*options.words(plan.data), *how]


def _train_all(plan: Plan, samples: Samples, count: int, at_once: int, voice: Voice) -> None:
    todo = [
        number
        for number in range(1, count + 1)
        if not (plan.options.resume and finished(plan.folder / f"fold-{number}"))
    ]
    for number in set(range(1, count + 1)) - set(todo):
        check_same(plan, samples, number)
    for number in todo:
        if plan.options.resume and model_is_lost(plan.folder / f"fold-{number}"):
            voice.say(f"fold {number} has lost its {MODEL}: it is trained again.")

    def train(number: int) -> tuple[int, int, str]:
        process = start(command_of(plan, number), threads=1)
        said = last_words(process)
        return number, process.returncode, said

    with ThreadPoolExecutor(at_once) as pool:
        started = [pool.submit(train, number) for number in todo]
        try:
            for ended in as_completed(started):
                number, code, said = ended.result()
                if code:
                    raise MartletError(
                        f"fold {number} failed: {said}; the others are kept, go on with --resume."
                    )
                header = checkpoint.load_header(plan.folder / f"fold-{number}" / MODEL)
                voice.say(f"fold {number}: top1 {header.metrics['top1']:.2%}")
        finally:
            for waiting in started:
                waiting.cancel()
            end_all()


def _sum_up(plan: Plan, samples: Samples, folds: Sequence[tuple[str, ...]], voice: Voice) -> Run:
    """Score each fold's network on what it has not seen; mean, range, and all answers together."""
    kind, task = kinds.find(plan.preprocess.kind), plan.task
    targets, rows = task.targets(samples, samples.classes), []
    logits, truth = [], []
    chosen: list[int] = []
    for number, held in enumerate(folds, 1):
        network = open_network(plan.folder / f"fold-{number}", plan.options.device)
        one = replace(plan, options=replace(plan.options, fold=number))
        indices = choose_split(one, samples).test
        chosen += indices
        logits.append(logits_of(over_views(network, plan.options.tta), samples, indices))
        truth.append(targets[list(indices)])
        own = called(evaluation(logits[-1], truth[-1], samples.classes).metrics, kind.noun)
        figures = {name: own[name] for name in (kind.noun, "top1", "balanced_top1", "macro_f1")}
        named = list(held) if samples.groups is not None else []
        rows.append({"fold": number, "held_out": named, **figures})
    found = OutOfFold(
        classes=np.array(samples.classes),
        names=np.array([samples.names[index] for index in chosen]),
        digests=np.array([samples.digests[index] for index in chosen]),
        targets=np.concatenate(truth),
        folds=np.repeat(np.arange(1, len(folds) + 1), [len(part) for part in truth]),
        logits=np.concatenate(logits),
    )
    write_out_of_fold(plan.folder, found)
    metrics = _metrics(plan, found, rows, kind.noun)
    metrics["labels"] = check_labels(plan.folder, found, samples, plan.preprocess, kind.noun)
    _tell(metrics, voice)
    voice.say(metrics["labels"])
    return Run(plan.folder, metrics)


def _metrics(plan: Plan, found: OutOfFold, rows: list[dict[str, Any]], noun: str) -> dict[str, Any]:
    """Of all answers together, and mean, deviation and range of the folds; written and drawn."""
    classes = found.classes.tolist()
    pooled = evaluation(found.logits, found.targets, classes)
    metrics: dict[str, Any] = {**called(pooled.metrics, noun), "folds": rows}
    for name in ("top1", "macro_f1"):
        values = [row[name] for row in rows]
        metrics[f"{name}_mean"] = np.mean(values).item()
        metrics[f"{name}_std"] = np.std(values, ddof=1).item()
        metrics[f"{name}_range"] = [min(values), max(values)]
    metrics["confusion"] = pooled.confusion.tolist()
    write_text(plan.folder / SUMMARY, json.dumps(metrics, indent=1))
    draw_confusion(pooled.confusion, classes, plan.folder / "confusion.png", noun)
    return metrics


def _tell(metrics: dict[str, Any], voice: Voice) -> None:
    table, noun = Table(box=None, pad_edge=False), metrics.get("noun", "pictures")
    named = any(row["held_out"] for row in metrics["folds"])
    for name in ("fold", *["held out"] * named, noun, "top1", "macro F1"):
        table.add_column(name, justify="left" if name == "held out" else "right")
    for row in metrics["folds"]:
        held = ", ".join(row["held_out"][:5]) + (" …" if len(row["held_out"]) > 5 else "")
        figures = f"{row['top1']:.2%}", f"{row['macro_f1']:.2%}"
        count = str(row[noun])
        table.add_row(str(row["fold"]), *[held] * named, count, *figures)
    voice.table(table)
    for name, word in (("top1", "top1"), ("macro_f1", "macro F1")):
        low, high = metrics[f"{name}_range"]
        voice.say(
            f"{word}: mean of the folds {metrics[f'{name}_mean']:.2%} ± "
            f"{metrics[f'{name}_std']:.2%} ({low:.2%} to {high:.2%}), "
            f"all answers together {metrics[name]:.2%}"
        )
