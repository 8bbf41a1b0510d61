"""`train --few`: the classifier alone, in closed form, on features of first weights."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import numpy as np
import torch

from martlet.console.progress import Voice
from martlet.data.batches import EvalBatches
from martlet.data.folds import keys_of
from martlet.data.kind import Samples
from martlet.data.split import Split
from martlet.report.result import percent
from martlet.training import checkpoint
from martlet.training.checkpoint import Header
from martlet.training.job import Job
from martlet.training.linear_head import (
    LinearHead,
    fit_head,
    fold_scores,
    pooled_features,
    put_head,
)
from martlet.training.loop import validate
from martlet.training.ranks import ONE_PROCESS
from martlet.training.state import State
from martlet.workflows.samples import noun_of

FEW = "few"  # of the metrics
SCORED_BELOW = 20  # samples of a class: fewer say little when some are held out once
FOLDS = 5


def begin_with_head(job: Job, state: State, samples: Samples, split: Split, voice: Voice) -> Job:
    """Fit the classifier; the job, whose header carries what is to be reported of that."""
    report = fit_few(job, state, samples, split, voice)
    return replace(job, header=job.header.with_metrics({FEW: report}))


def as_begun(job: Job, path: Path) -> Job:
    """The job of a run that goes on, with what its checkpoint carries of the classifier's fit."""
    if not job.recipe.few:
        return job
    found = checkpoint.load_header(path).metrics.get(FEW, {})
    return replace(job, header=job.header.with_metrics({FEW: found}))


def of_head(header: Header, best_epoch: int) -> tuple[dict[str, Any], list[str]]:
    """What the metrics say of the fit, and sentences on it for the report."""
    found = header.metrics.get(FEW) if header.recipe.few else None
    if not found:
        return {}, []
    told = [found["told"]] if "told" in found else []
    if header.recipe.epochs:
        kept = f"epoch {best_epoch}" if best_epoch else "the one in closed form, which none beat"
        told.append(f"Of the classifier in closed form and the epochs after it, {kept} is kept.")
    return {FEW: found}, told


def fit_few(job: Job, state: State, samples: Samples, split: Split, voice: Voice) -> dict[str, Any]:
    """Give `state` the classifier, as what stands before its first epoch; what there is to report.

    Raises MartletError for a network without features, and for another task than classes.
    """
    began = time.monotonic()
    classes = job.header.classes
    features, labels = _features(job, state, samples, split.train)
    keys = keys_of(samples)
    head = fit_head(features, labels, len(classes), [keys[index] for index in split.train])
    for model in (state.model, state.averaged):
        put_head(model, head)
    row = {"epoch": 0, "lr": 0.0} | _means(job, head, features, labels)
    alone = replace(job, ranks=ONE_PROCESS)  # the other processes wait until this one has begun
    row |= validate(alone, job.through(state.averaged), step=0)
    state.seconds = time.monotonic() - began
    state.history = [row | {"seconds": state.seconds}]
    right = _right(head.left_out, labels)
    noun = noun_of(job.header.preprocess)
    voice.say(
        f"few: {features.shape[1]} features of {len(labels):,} {noun}, a linear classifier of "
        f"strength {head.strength:g}; {percent(right)} of them are right "
        f"when each is left out, with its copies, {state.seconds:.1f} s"
    )
    report: dict[str, Any] = {"strength": head.strength, "left_out_top1": right}
    least = int(np.bincount(labels, minlength=len(classes)).min())
    if least < SCORED_BELOW:
        report |= _folds(job, state, samples, split, features, labels, keys)
        voice.say(report["told"])
    return report


def _folds(
    job: Job,
    state: State,
    samples: Samples,
    split: Split,
    features: Any,
    labels: Any,
    keys: Sequence[str],
) -> dict[str, Any]:
    """Scores of folds over training and validation part, in numbers and in a sentence."""
    chosen = [*split.train, *split.val]
    if split.val:
        more, their_labels = _features(job, state, samples, split.val)
        features = np.concatenate([features, more])
        labels = np.concatenate([labels, their_labels])
    scores = fold_scores(
        features,
        labels,
        [keys[index] for index in chosen],
        len(job.header.classes),
        FOLDS,
        job.recipe.seed,
    )
    told = (
        f"Some classes have under {SCORED_BELOW} {noun_of(job.header.preprocess)}: over "
        f"{len(scores)} folds of the {len(labels)} that are not held out, such a classifier names "
        f"{percent(fmean(scores))} right in the mean ({percent(min(scores))} to "
        f"{percent(max(scores))}, deviation {100 * pstdev(scores):.1f} points)."
    )
    return {"folds": scores, "mean": fmean(scores), "deviation": pstdev(scores), "told": told}


def _features(job: Job, state: State, samples: Samples, indices: Any) -> tuple[Any, Any]:
    """Of the samples as they are scored."""
    preprocess = job.header.preprocess
    targets = job.task.targets(samples, job.header.classes)
    batches = EvalBatches(samples, targets, indices, preprocess=preprocess)
    return pooled_features(state.model, batches, job.to_input)


def _means(job: Job, head: LinearHead, features: Any, labels: Any) -> dict[str, float]:
    """Loss and counts of the training part, as an epoch's row has them."""
    logits = torch.from_numpy(head.logits(features)).float()
    targets = torch.from_numpy(labels)
    means = {"train_loss": float(job.task.loss(logits, targets, job.recipe))}
    for name, count in job.task.counts(logits, targets).items():
        means[f"train_{name}"] = float(count) / len(targets)
    return means


def _right(logits: Any, labels: Any) -> float:
    return float((logits.argmax(axis=1) == labels).mean())
