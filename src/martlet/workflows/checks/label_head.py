"""`train --check-labels`: labels in doubt, by a linear head on features that never saw them."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

from martlet.data.batches import EvalBatches
from martlet.data.folds import dealt_evenly, keys_of
from martlet.data.kind import AnyPreprocess, Samples, ToInput
from martlet.errors import MartletError
from martlet.measuring.linear_head import out_of_fold_logits
from martlet.models.classifier import Classifier
from martlet.training.evaluate import predict_logits
from martlet.training.job import Job
from martlet.training.linear_head import Pooled
from martlet.workflows.folds.out_of_fold import OutOfFold
from martlet.workflows.run_folder import SUSPECTS
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.plan import Plan
from martlet.workflows.train.start import Start


def check_label_options(options: TrainOptions, start: Start) -> None:
    """Raises MartletError where a head cannot judge the labels, or the folds do it already."""
    if options.check_labels is None:
        return
    asked = f"check_labels={options.check_labels}"
    if options.cross_validate is not None:
        raise MartletError(f"{asked}: cross_validate lists labels in doubt itself; leave one out.")
    if start.path is None and not start.pretrained:
        raise MartletError(
            f"{asked} judges labels by features that have learnt from other data: give weights or "
            "pretrained; without any, cross_validate=5 lists labels in doubt."
        )


def judge_labels(plan: Plan, job: Job, samples: Samples, model: nn.Module) -> OutOfFold | None:
    """What a head says on the weights that training starts from, which `model` has; None: not
    asked, or written already."""
    folds = plan.options.check_labels
    if folds is None or (plan.before is not None and (plan.folder / SUSPECTS).exists()):
        return None
    header = job.header
    return answers_of_head(
        cast(Classifier, model),
        samples,
        job.task.targets(samples, header.classes),
        header.classes,
        header.preprocess,
        job.to_input,
        folds,
        plan.options.seed,
    )


def answers_of_head(
    model: Classifier,
    samples: Samples,
    targets: NDArray[np.int64],
    classes: Sequence[str],
    preprocess: AnyPreprocess,
    to_input: ToInput,
    folds: int,
    seed: int,
) -> OutOfFold:
    """What a linear head on the network's features answers of each fold that it was not fitted on.

    Copies, and what shares a group, are in one fold. Raises MartletError for fewer contents.
    """
    keys = np.asarray(keys_of(samples))
    if len(np.unique(keys)) < folds:
        raise MartletError(f"check_labels={folds} needs as many different pictures; give less.")
    numbers = dealt_evenly(targets, keys, folds, seed) + 1
    batches = EvalBatches(samples, targets, range(len(samples)), preprocess=preprocess)
    features, _ = predict_logits(Pooled(model), batches, to_input)
    logits = out_of_fold_logits(features, targets, numbers, len(classes))
    return OutOfFold(
        classes=np.array(classes),
        names=np.array(samples.names),
        digests=np.array(samples.digests),
        targets=targets,
        folds=numbers,
        logits=logits,
    )
