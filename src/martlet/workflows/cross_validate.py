"""`train --cross-validate`: each fold is a run in a process of its own; then the sum."""

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from os import environ
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from martlet.console.progress import Voice
from martlet.data import kinds
from martlet.data.cache import cores
from martlet.data.folds import folds_of
from martlet.data.kind import Samples
from martlet.errors import MartletError
from martlet.measuring.accuracy import called, evaluation
from martlet.report.confusion import draw_confusion
from martlet.storage.claim import CLAIM, claimed
from martlet.storage.files import write_text
from martlet.training import checkpoint
from martlet.training.run_files import MODEL
from martlet.workflows.device import choose_device
from martlet.workflows.evaluate import logits_of
from martlet.workflows.open_network import open_network
from martlet.workflows.run_folder import Run
from martlet.workflows.samples import read_samples
from martlet.workflows.train_options import TrainOptions
from martlet.workflows.train_plan import Plan, make_plan
from martlet.workflows.train_resume import model_is_lost

SUMMARY = "cross_validation.json"


def cross_validate(data: Path, options: TrainOptions) -> Run:
    """Train all folds, as many at once as there are cores, each with one thread; then sum up.

    A fold whose run is finished is not trained again with `resume`, one that has lost its weights
    is. Raises MartletError for data without groups, for a folder that is there already, for
    finished folds of another recipe, and when a fold fails.
    """
    plan, voice = make_plan(data, options), Voice(options.quiet)
    _check_folder(plan)
    samples = read_samples(plan.data, plan.preprocess, voice, options=options)
    groups = samples.groups
    if groups is None:
        raise MartletError("cross_validate needs data with subjects, as recordings; leave it out.")
    if any(samples.parts):
        raise MartletError(
            f"cross_validate divides {str(plan.data)!r} itself, and it is given in parts; give one "
            "folder or file without parts."
        )
    who = "subject" if getattr(samples, "by_subject", True) else "recording"
    assert options.cross_validate is not None
    folds = folds_of(samples.labels, groups, options.cross_validate, options.seed, who)
    for sentence in samples.odd:
        voice.say(sentence)
    at_once = cores() if choose_device(options.device).type == "cpu" else 1
    voice.say(
        f"{len(folds)} folds by {who}, {min(at_once, len(folds))} at once, each in {plan.folder}"
    )
    with claimed(plan.folder):
        _train_all(plan, len(folds), at_once, voice)
        return _sum_up(plan, samples, folds, voice)


def _check_folder(plan: Plan) -> None:
    names = {path.name for path in plan.folder.iterdir()} if plan.folder.is_dir() else set()
    names -= {CLAIM}
    if not names or (plan.options.resume and not plan.options.overwrite):
        return
    ours = all(name.startswith("fold-") or name in (SUMMARY, "confusion.png") for name in names)
    if not (plan.options.overwrite and ours):
        raise MartletError(
            f"{plan.folder} exists already; use --resume to go on with its folds, --name for "
            "another folder" + (", or --overwrite to train them anew." if ours else ".")
        )


def finished(folder: Path) -> bool:
    """Whether a fold's run is trained to its end and scored; an epoch's own metrics are not."""
    if not (folder / MODEL).exists():
        return False
    return "part" in checkpoint.load_header(folder / MODEL).metrics


def check_same(folder: Path, options: TrainOptions) -> None:
    """Raises MartletError when a finished fold was trained by another recipe than is asked for."""
    ran = checkpoint.load_header(folder / MODEL).recipe.to_dict()
    asked = {name: getattr(options, name) for name in ran}
    differences = [
        f"{name}: {ran[name]} / {value}"
        for name, value in asked.items()
        if value not in (None, "auto", ran[name])  # the first two are filled in as a run starts
    ]
    if differences:
        raise MartletError(
            f"{folder} was trained with other arguments (then / now): {'; '.join(differences)}; "
            "resume with the same ones, or choose another --name."
        )


def command_of(plan: Plan, fold: int) -> list[str]:
    """What trains one fold; one that cannot go on, for its best weights are gone, from new."""
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
    return [sys.executable, "-m", "martlet", *options.words(plan.data), *how]


def _train_all(plan: Plan, count: int, at_once: int, voice: Voice) -> None:
    todo = [
        number
        for number in range(1, count + 1)
        if not (plan.options.resume and finished(plan.folder / f"fold-{number}"))
    ]
    for number in set(range(1, count + 1)) - set(todo):
        check_same(plan.folder / f"fold-{number}", plan.options)
    for number in todo:
        if plan.options.resume and model_is_lost(plan.folder / f"fold-{number}"):
            voice.say(f"fold {number} has lost its {MODEL}: it is trained again.")
    running: list[subprocess.Popen[str]] = []

    def train(number: int) -> tuple[int, int, str]:
        with subprocess.Popen(
            command_of(plan, number),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**environ, "OMP_NUM_THREADS": "1"},
        ) as process:
            running.append(process)
            said = process.communicate()[1]
        return number, process.returncode, said

    with ThreadPoolExecutor(at_once) as pool:
        started = [pool.submit(train, number) for number in todo]
        try:
            for ended in as_completed(started):
                number, code, said = ended.result()
                if code:
                    last = (said.strip().splitlines() or [f"it ended with code {code}"])[-1]
                    raise MartletError(
                        f"fold {number} failed: {last.removeprefix('error: ').rstrip('.')}; the "
                        "others are kept, go on with --resume."
                    )
                header = checkpoint.load_header(plan.folder / f"fold-{number}" / MODEL)
                voice.say(f"fold {number}: top1 {header.metrics['top1']:.2%}")
        finally:
            for waiting in started:
                waiting.cancel()
            for process in running:
                if process.poll() is None:
                    process.terminate()


def _sum_up(plan: Plan, samples: Samples, folds: Sequence[tuple[str, ...]], voice: Voice) -> Run:
    """Score each fold's network on what it has not seen; mean, range, and all answers together."""
    kind, task = kinds.find(plan.preprocess.kind), plan.task
    assert kind.split is not None
    targets, rows = task.targets(samples, samples.classes), []
    logits, truth = [], []
    for number, held in enumerate(folds, 1):
        network = open_network(plan.folder / f"fold-{number}", plan.options.device)
        chosen = kind.split(samples, replace(plan.options, fold=number)).test
        logits.append(logits_of(network, samples, chosen))
        truth.append(targets[list(chosen)])
        own = called(evaluation(logits[-1], truth[-1], samples.classes).metrics, kind.noun)
        figures = {name: own[name] for name in (kind.noun, "top1", "balanced_top1", "macro_f1")}
        rows.append({"fold": number, "held_out": list(held), **figures})
    pooled = evaluation(np.concatenate(logits), np.concatenate(truth), samples.classes)
    metrics: dict[str, Any] = {**called(pooled.metrics, kind.noun), "folds": rows}
    for name in ("top1", "macro_f1"):
        values = [row[name] for row in rows]
        metrics[f"{name}_mean"], metrics[f"{name}_range"] = (
            np.mean(values).item(),
            [min(values), max(values)],
        )
    metrics["confusion"] = pooled.confusion.tolist()
    write_text(plan.folder / SUMMARY, json.dumps(metrics, indent=1))
    path = plan.folder / "confusion.png"
    draw_confusion(pooled.confusion, samples.classes, path, kind.noun)
    _tell(metrics, voice)
    return Run(plan.folder, metrics)


def _tell(metrics: dict[str, Any], voice: Voice) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("fold", "held out", metrics["noun"], "top1", "macro F1"):
        table.add_column(name, justify="left" if name == "held out" else "right")
    for row in metrics["folds"]:
        held = ", ".join(row["held_out"][:5]) + (" …" if len(row["held_out"]) > 5 else "")
        figures = f"{row['top1']:.2%}", f"{row['macro_f1']:.2%}"
        table.add_row(str(row["fold"]), held, str(row[metrics["noun"]]), *figures)
    voice.table(table)
    for name, word in (("top1", "top1"), ("macro_f1", "macro F1")):
        low, high = metrics[f"{name}_range"]
        voice.say(
            f"{word}: mean of the folds {metrics[f'{name}_mean']:.2%} ({low:.2%} to {high:.2%}), "
            f"all answers together {metrics[name]:.2%}"
        )
