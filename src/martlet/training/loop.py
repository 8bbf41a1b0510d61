"""THE training loop, read from top to bottom.

`fit` is a generator: it yields after every step and every epoch, so that whoever calls it can
draw a progress bar, and it writes the checkpoints itself, so that nobody can forget to. No random
generator's state is carried along: each step seeds its own from (seed, step). A run that is
stopped, or killed, and then resumed therefore ends with the very weights of one that was not.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from martlet.data.batches import STEP, seed_torch
from martlet.errors import MartletError
from martlet.tasks import Task
from martlet.training.accumulation import WHOLE_STEP, Turn, turn_of
from martlet.training.batch_norm import SHORT, measure_again, measure_over
from martlet.training.distillation import Teacher, distilled
from martlet.training.evaluate import predict_logits
from martlet.training.freezing import set_modes
from martlet.training.job import EpochEnd, Job, Step
from martlet.training.progressive import shrunk
from martlet.training.ranks import LostError
from martlet.training.recipe import Recipe
from martlet.training.reducer import Reducer
from martlet.training.schedule import learning_rate
from martlet.training.state import State

SAVE_SECONDS = 300.0  # a checkpoint within a long epoch at least this often


def fit(job: Job, state: State) -> Iterator[Step | EpochEnd]:
    """Train from where `state` stands to the recipe's last epoch, or to its early stop.

    Ends, with its checkpoint written, when `job.stop` asks for it. Nothing is saved between two
    batches of one step of the optimiser: gradients are no part of a checkpoint. Raises MartletError
    when the loss is not finite; the last good checkpoint is kept. Raises LostError, with its
    checkpoint written, when another of the processes that train together has ended.
    """
    reduce = Reducer(job.ranks, state)
    try:
        yield from epochs(job, state, reduce)
    except LostError:
        reduce.undo()
        save(job, state, state.epoch * len(job.train) + state.batch)
        raise


def epochs(job: Job, state: State, reduce: Reducer) -> Iterator[Step | EpochEnd]:
    """All steps and epochs that are left; `reduce` makes one step of those of all processes."""
    recipe, ranks, steps_per_epoch = job.recipe, job.ranks, len(job.train)
    network, averaged = job.through(state.model), job.through(state.averaged)
    forward: Callable[..., Tensor] = network
    if recipe.compile == "on":
        # All batches have one shape. Without a word PyTorch takes sizes that differ from those of
        # an earlier run of the process for symbols, and compiles slower code, or none.
        forward = torch.compile(network, dynamic=False)
    save(job, state, step=0)
    saved = time.monotonic()

    while not state.ended(recipe, job.task.better):
        set_modes(state.model, head_alone=state.epoch < recipe.head_epochs)
        started = time.monotonic()
        batches = job.train.epoch(state.epoch, first=state.batch)
        for samples, targets in ranks.in_step(batches, partial(asked, job, state)):
            step = state.epoch * steps_per_epoch + state.batch
            turn = turn_of(step, steps_per_epoch, recipe.accumulate)
            for group in state.optimizer.param_groups:
                group["lr"] = learning_rate(turn.step, turn.per_epoch, recipe, group["peak_lr"])
            seed_torch(recipe.seed, STEP, step, *([] if ranks.first else [ranks.rank]))
            reduce.remember(turn)
            inputs, targets = on_device(job, samples, targets, step)
            sums = train_step(
                *(forward, job.task, state.optimizer, recipe, inputs, targets),
                *(turn, job.teacher, reduce),
            )
            if not isfinite(sums["loss"]):
                raise not_finite("loss", step, job)
            if turn.last:
                state.average(recipe.ema, turn.step)
            trained = len(targets) * ranks.count
            state.count(sums, trained)
            yield Step(state.epoch, state.batch, steps_per_epoch, state.means, trained)
            within = turn.last and state.batch < steps_per_epoch
            if within and time.monotonic() - saved > SAVE_SECONDS:
                state.seconds += time.monotonic() - started
                started = saved = time.monotonic()
                save(job, state, step)
        state.seconds += time.monotonic() - started
        step = state.epoch * steps_per_epoch + state.batch - 1
        if state.batch < steps_per_epoch:
            save(job, state, step)
            return

        turn = turn_of(step, steps_per_epoch, recipe.accumulate)
        rate = learning_rate(turn.step, turn.per_epoch, recipe, recipe.lr)
        row = {"epoch": state.epoch + 1, "lr": rate}
        row |= {f"train_{name}": mean for name, mean in state.means.items()}
        measure_norms(job, averaged, state.epoch)
        row |= validate(job, averaged, step)
        row["seconds"] = state.seconds
        best = state.end_epoch(row, job.task.better)
        save(job, state, step, best)
        saved = time.monotonic()
        yield EpochEnd(row, best)
        if ranks.meet(flag=job.stop.requested):
            return


def on_device(job: Job, samples: Any, targets: Tensor, step: int) -> tuple[Any, Tensor]:
    """A batch as the network learns from it in this step: inputs of their size, transformed."""
    recipe, inputs = job.recipe, job.to_input(samples)
    targets = targets.to(inputs.device)
    if recipe.progressive < 1:
        inputs = shrunk(inputs, step / (recipe.epochs * len(job.train)), recipe.progressive)
    return (inputs, targets) if job.transform is None else job.transform(inputs, targets)


def asked(job: Job, state: State) -> bool:
    """Whether to stop before the next batch: gradients are no part of a checkpoint."""
    step = state.epoch * len(job.train) + state.batch
    return job.stop.requested and turn_of(step, len(job.train), job.recipe.accumulate).first


def save(job: Job, state: State, step: int, best: bool = False) -> None:
    """Write resume.safetensors, and model.safetensors before it when the epoch was the best.

    Of several processes, which are all alike, the first one does. Raises MartletError when a weight
    is not finite: what is on the disk stays good.
    """
    if not state.finite():
        raise not_finite("weights", step, job)
    if not job.ranks.first:
        return
    if best:
        state.save_best(job.folder, job.header, job.task.better)
    state.save(job.folder, job.header)


def train_step(
    forward: Callable[..., Tensor],
    task: Task,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    inputs: Any,
    targets: Tensor,
    turn: Turn = WHOLE_STEP,
    teacher: Teacher | None = None,
    reduce: Callable[[Tensor, Turn], Tensor] = lambda sums, turn: sums,
) -> dict[str, float]:
    """A batch's turn in a step of the optimiser; its sums of loss and counts, from before it.

    The loss of a step is the mean over its batches. reduce: where several processes share a batch,
    gradients become the means over them, and sums the totals.
    """
    with torch.autocast(inputs.device.type, torch.bfloat16, recipe.precision == "bfloat16"):
        outputs = forward(inputs, targets) if task.inside else forward(inputs)
        answers = None if teacher is None else teacher(inputs)
    loss = task.loss(outputs.float(), targets, recipe)
    if answers is not None:
        loss = distilled(loss, outputs.float(), answers, recipe)
    if turn.first:
        optimizer.zero_grad(set_to_none=True)
    (loss / turn.batches).backward()
    counts = task.counts(outputs.detach(), targets)
    found = torch.stack([loss.detach(), *(count.to(loss.dtype) for count in counts.values())])
    read = reduce(found, turn)
    if turn.last:
        if recipe.clip_grad:
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            nn.utils.clip_grad_norm_(weights, recipe.clip_grad)
        optimizer.step()
    mean, *sums = read.tolist()  # the device is waited for here, and nowhere else in a step
    return {"loss": mean * len(targets), **dict(zip(counts, sums, strict=True))}


def measure_norms(job: Job, model: nn.Module, epoch: int) -> None:
    """Measure the statistics of batch norm anew before validation, where the recipe or a short run
    asks for it; not while the classifier alone is trained.
    """
    recipe = job.recipe
    if epoch < recipe.head_epochs:
        return
    if recipe.norm == "recalibrated" and job.measured is not None:
        measure_over(model, job.measured, job.to_input)
    elif recipe.epochs * len(job.train) <= SHORT:
        measure_again(model, job.train, epoch, job.to_input, job.ranks)


def validate(job: Job, model: nn.Module, step: int) -> dict[str, float]:
    """Mean loss and counts over the validation part, or the task's figures; nothing without one."""
    if job.val is None:
        return {}
    found = predict_logits(model, job.val, job.to_input, job.ranks)
    if job.task.validated is not None:
        figures = job.task.validated(*found, job.header.classes)
        return {f"val_{name}": value for name, value in figures.items()}
    outputs, targets = map(torch.from_numpy, found)
    means = {"val_loss": float(job.task.loss(outputs, targets, job.recipe))}
    if not isfinite(means["val_loss"]):
        raise not_finite("validation loss", step, job)
    for name, count in job.task.counts(outputs, targets).items():
        means[f"val_{name}"] = float(count) / len(targets)
    return means


def not_finite(what: str, step: int, job: Job) -> MartletError:
    """The sentence for NaN or infinity after `step` (from 0)."""
    epoch, batch = divmod(step, len(job.train))
    return MartletError(
        f"The {what} became NaN or infinite at step {step} (epoch {epoch + 1}, batch {batch + 1}) "
        f"with lr={job.recipe.lr:g}; the last good checkpoint is kept in {job.folder}; try a "
        "smaller --lr under another --name."
    )
