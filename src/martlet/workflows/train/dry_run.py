"""`train --dry-run`: what a run would be and take; nothing is trained, no folder is made."""

from typing import Any

from torch import nn

from martlet.console.progress import Voice
from martlet.data.kind import Samples
from martlet.data.split import Split
from martlet.measuring.cost import cost
from martlet.memory import available_bytes, in_words, peak_bytes
from martlet.training.job import Job
from martlet.training.pace import Pace
from martlet.workflows.run_folder import Run
from martlet.workflows.samples import noun_of
from martlet.workflows.train import setup as train_setup
from martlet.workflows.train.plan import Plan
from martlet.workflows.train.time_budget import at_the_end, pace_of
from martlet.workflows.train.time_budget import in_words as duration

MEASURED_SECONDS = 10.0


def expect(
    plan: Plan,
    job: Job,
    samples: Samples,
    model: nn.Module,
    split: Split,
    counts: dict[str, list[int]],
    voice: Voice,
) -> Run:
    """Cost, time and memory of the run that `job` would be, measured on real steps.

    The steps are taken by a copy of `model`, and thrown away.
    """
    once = cost(model, (1, *plan.preprocess.shape))
    pace = pace_of(job, samples, model, split, MEASURED_SECONDS)
    recipe, batch = job.recipe, job.train.batch_size
    least = train_setup.training_bytes(job.header.network, plan.preprocess.shape, recipe, batch)
    expected = {
        "dry_run": True,
        "network": job.header.network.name,
        "input": list(plan.preprocess.shape),
        "classes": list(job.header.classes),
        "counts": counts,
        "params": once.params,
        "macs": once.macs,
        "epochs": recipe.epochs,
        "steps_per_epoch": len(job.train),
        "batch_size": batch,
        **seconds(pace, recipe.epochs, len(job.train), split),
        "measured_steps": pace.steps,
        "memory_bytes": max(least, peak_bytes() or 0),
        "device": str(job.to_input.device),
    }
    asked, fold = plan.options.cross_validate, plan.options.fold
    if asked is not None:
        expected["fold"] = fold or 1
    for sentence in sentences(expected, noun_of(plan.preprocess)):
        voice.say(sentence)
    if asked is not None and fold is None:
        voice.say(
            f"folds: this is the first of cross_validate={asked}; each of the others takes as "
            "long, and as many are trained at once, on one thread each, as there are cores"
        )
    return Run(plan.folder, expected)


def seconds(pace: Pace, epochs: int, steps: int, split: Split) -> dict[str, Any]:
    """Of a step, of an epoch and of the run, with the range that it may well lie in."""
    epoch, around = pace.epoch(steps), pace.begin + at_the_end(pace, split)
    total, doubt = around + epochs * epoch, epochs * epoch * pace.doubt
    spread = [total - doubt, total + doubt + around]
    return {
        "seconds_per_step": pace.step,
        "seconds_per_epoch": epoch,
        "seconds": total,
        "seconds_range": spread,
    }


def sentences(expected: dict[str, Any], noun: str) -> list[str]:
    """What is expected, for people."""
    low, high = expected["seconds_range"]
    free = available_bytes()
    there = "" if free is None else f", and {in_words(free)} are free"
    steps = expected["measured_steps"]
    macs, one = f"{expected['macs'] / 1e6:.1f} M MACs", noun.removesuffix("s")
    return [
        f"cost: {expected['params']:,} params, {macs} forward for a {one}",
        f"time: {duration(expected['seconds'])} ({duration(low)} to {duration(high)}): "
        f"{expected['epochs']} epochs of {duration(expected['seconds_per_epoch'])} on "
        f"{expected['device']}, by {steps} step{'s' * (steps > 1)} measured now; other work "
        "on this machine makes it longer",
        f"memory: {in_words(expected['memory_bytes'])}, the most that this process has held{there}",
    ]
