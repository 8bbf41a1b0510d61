"""How long training takes on this machine: real steps, on a copy of the network, thrown away."""

import copy
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor, nn

from martlet.training.evaluate import predict_logits
from martlet.training.job import EpochEnd, Job, Stop
from martlet.training.loop import fit, save
from martlet.training.state import State

WARM_UP_STEPS = 3  # memory is taken, caches fill
MOST_STEPS = 60
MOST_SECONDS = 10.0
MOST_TIMES = 3  # as long where that holds no step behind the warm-up
SCORED_BATCHES = 3
LEAST_DOUBT = 0.1  # of a machine that does the same later as now


@dataclass(frozen=True)
class Pace:
    """Seconds, of a machine in the state in which it was measured.

    step: of one step with its share of the inputs' preparation; steps: how many were measured.
    doubt: share by which a step may well differ: twice the standard error, at least 0.1.
    begin: once a run, before its first step: processes start.
    end: of each epoch: the checkpoint is written, the validation part scored.
    scored: of a sample in evaluation.
    """

    step: float
    steps: int
    doubt: float
    begin: float
    end: float
    scored: float

    def epoch(self, steps: int) -> float:
        """Seconds of an epoch of so many steps."""
        return steps * self.step + self.end


def measure_pace(
    job: Job,
    model: nn.Module,
    scored: Iterable[tuple[Any, Tensor]],
    validated: int,
    seconds: float = MOST_SECONDS,
) -> Pace:
    """Train a copy of `model` by `job` for about `seconds`, in a folder that is removed again.

    model: on the job's device. scored: batches of evaluation, of which some are timed.
    validated: samples of the validation part.
    """
    with TemporaryDirectory() as folder:
        # Of full size from the start: progressive resizing is quicker, never slower.
        full = replace(job.header, trained=replace(job.recipe, progressive=1.0))
        scratch = replace(job, header=full, folder=Path(folder), stop=Stop())
        state = State(copy.deepcopy(model), job.recipe)
        try:
            begin, steps, ends = _timed(scratch, state, seconds)
        finally:
            job.train.close()
        started = time.monotonic()
        save(scratch, state, step=0)
        saved = time.monotonic() - started
    each = _scored(job, state.averaged, scored)
    step, error = fmean(steps), stdev(steps) / sqrt(len(steps)) if len(steps) > 1 else 0.0
    return Pace(
        step=step,
        steps=len(steps),
        doubt=max(LEAST_DOUBT, 2 * error / step) if len(steps) > 1 else 0.5,
        begin=max(0.0, begin - step),
        end=fmean(ends)
        if ends
        else 2 * saved + validated * each,  # the best epoch writes two files
        scored=each,
    )


def _timed(job: Job, state: State, seconds: float) -> tuple[float, list[float], list[float]]:
    """Seconds up to the first step, of steps behind the warm-up, and of the ends of epochs."""
    began = last = time.monotonic()
    steps: list[float] = []
    ends: list[float] = []
    for event in fit(job, state):
        now = time.monotonic()
        began = now if not steps else began  # where steps are compiled the first takes a minute
        (ends if isinstance(event, EpochEnd) else steps).append(now - last)
        last = now
        # The second step may wait for a process that still starts, as the first one did.
        enough = now - began > seconds and len(steps) > WARM_UP_STEPS
        late = now - began > MOST_TIMES * seconds and len(steps) > 1
        if enough or late or len(steps) >= WARM_UP_STEPS + MOST_STEPS:
            break
    return steps[0], steps[WARM_UP_STEPS:] or steps[-1:], ends


def _scored(job: Job, model: nn.Module, batches: Iterable[tuple[Any, Tensor]]) -> float:
    """Seconds of a sample in evaluation, behind a batch of warm-up where there are several."""
    some = list(islice(batches, SCORED_BATCHES))
    network = job.through(model)
    predict_logits(network, some[:1], job.to_input)
    started = time.monotonic()
    outputs, _ = predict_logits(network, some[1:] or some, job.to_input)
    return (time.monotonic() - started) / len(outputs)
