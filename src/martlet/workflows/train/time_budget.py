"""`train --time`: as many epochs as fit, found by real steps on this machine."""

import copy
import time
from dataclasses import replace
from math import ceil, floor

from torch import nn

from martlet.console.progress import Voice
from martlet.data.kind import Samples
from martlet.data.split import Split
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.job import Job
from martlet.training.pace import MOST_SECONDS, Pace, measure_pace
from martlet.training.ranges import seconds_of
from martlet.workflows.train import setup as train_setup
from martlet.workflows.train.plan import Plan
from martlet.workflows.train.tiles import scored_batches

SPARE = 0.05  # share of the time that is left free
REPORT_SECONDS = 5.0  # pictures and page at the end of a run, on a slow core


def with_epochs(
    plan: Plan,
    job: Job,
    samples: Samples,
    model: nn.Module,
    split: Split,
    began: float,
    voice: Voice,
) -> Plan:
    """The plan with the number of epochs that fit into its time, and no time any longer.

    began: `time.monotonic()` when the command began; what was read since is part of the time.

    Raises MartletError when not one epoch fits, with what one needs.
    """
    if plan.before is not None:
        return as_begun(plan, voice)
    asked = plan.options.time
    limit = seconds_of(asked or "")
    pace = pace_of(job, samples, model, split, min(MOST_SECONDS, limit / 10))
    spent, last = time.monotonic() - began, at_the_end(pace, split)
    spent += len(split.train) * pace.scored if job.recipe.few else 0.0  # the features
    epoch = pace.epoch(len(job.train))
    epochs = floor((limit * (1 - SPARE) - spent - pace.begin - last) / epoch)
    around = f"{in_words(spent + pace.begin)} before the first and {in_words(last)} after the last"
    if epochs < 1 and not job.recipe.few:
        needed = (spent + pace.begin + last + epoch) / (1 - SPARE)
        raise MartletError(
            f"time={asked!r} is shorter than one epoch, which takes {in_words(epoch)} here, with "
            f"{around}; give {as_option(needed)} or more, a smaller network or smaller inputs."
        )
    epochs = max(epochs, 0)  # the classifier in closed form takes no epoch
    voice.say(
        f"time {asked}: {epochs} epoch{'s' * (epochs != 1)} of {in_words(epoch)}, with {around}; "
        f"measured on {pace.steps} step{'s' * (pace.steps > 1)}."
    )
    return replace(plan, options=replace(plan.options, epochs=epochs, time=None))


def as_begun(plan: Plan, voice: Voice) -> Plan:
    """The plan of a run that goes on, with as many epochs as were found when it began."""
    assert plan.before is not None
    epochs = checkpoint.load_header(plan.before).recipe.epochs
    voice.say(f"time {plan.options.time}: {epochs} epochs, as the run was begun with.")
    return replace(plan, options=replace(plan.options, epochs=epochs, time=None))


def pace_of(job: Job, samples: Samples, model: nn.Module, split: Split, seconds: float) -> Pace:
    """How long training by `job` takes, if for an epoch; the model stays as it is."""
    recipe = replace(job.recipe, epochs=max(1, job.recipe.epochs))
    job = replace(job, header=replace(job.header, trained=recipe))
    placed = train_setup.place(
        copy.deepcopy(model), job.to_input.device, job.recipe.epochs * len(job.train)
    )
    targets = job.task.targets(samples, job.header.classes)
    some = split.test or split.val or split.train
    scored = scored_batches(placed, samples, targets, some, job.header.preprocess)
    return measure_pace(job, placed, scored, len(split.val), seconds)


def at_the_end(pace: Pace, split: Split) -> float:
    """Seconds behind the last epoch: the held-out part is scored, and the report made.

    So is the validation part, once more, for the temperature that it decides.
    """
    scored = len(split.test) + len(split.val) or len(split.train)
    return scored * pace.scored + REPORT_SECONDS


def in_words(seconds: float) -> str:
    """ "40 s", "12 min", "3.5 h"."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def as_option(seconds: float) -> str:
    """The least whole time that holds them, as `time` takes it: 95s, 12m."""
    return f"{ceil(seconds)}s" if seconds < 600 else f"{ceil(seconds / 60)}m"
