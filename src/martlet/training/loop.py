"""THE training loop, read from top to bottom.

`fit` is a generator: it yields after every step and every epoch, so that whoever calls it can
draw a progress bar, and it writes the checkpoints itself, so that nobody can forget to. No random
generator's state is carried along: each step seeds its own from (seed, step). A run that is
stopped, or killed, and then resumed therefore ends with the very weights of one that was not.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from martlet.data.pictures.batches import STEP, EvalBatches, TrainLoader, seed_torch
from martlet.errors import MartletError
from martlet.training.checkpoint import Header
from martlet.training.evaluate import ToInput, predict_logits
from martlet.training.optimizer import learning_rate
from martlet.training.recipe import Recipe
from martlet.training.state import State

SAVE_SECONDS = 300.0  # a checkpoint within a long epoch at least this often


@dataclass(frozen=True)
class Step:
    """After a training step: running means over the epoch so far."""

    epoch: int  # from 0
    batch: int  # done in this epoch
    batches: int  # per epoch
    loss: float
    top1: float
    pictures: int  # in this step


@dataclass(frozen=True)
class EpochEnd:
    """After an epoch: its row of metrics.csv, and whether it is the best so far."""

    row: dict[str, float]
    best: bool


@dataclass
class Stop:
    """Set `requested` (a signal handler does) and the loop saves and ends after its step."""

    requested: bool = False


@dataclass
class Job:
    """What the loop works on; all of it is made before the first step."""

    header: Header
    train: TrainLoader
    val: EvalBatches | None
    folder: Path
    to_input: ToInput
    stop: Stop = field(default_factory=Stop)

    @property
    def recipe(self) -> Recipe:
        """The recipe of the header."""
        return self.header.recipe


def fit(job: Job, state: State) -> Iterator[Step | EpochEnd]:
    """Train from where `state` stands to the recipe's last epoch.

    Ends early, with its checkpoint written, when `job.stop` asks for it. Raises MartletError when
    the loss is not finite; the last good checkpoint is kept.
    """
    recipe, steps_per_epoch = job.recipe, len(job.train)
    forward: Callable[[Tensor], Tensor] = state.model
    if recipe.compile == "on":
        forward = torch.compile(state.model)
    save(job, state, step=0)
    saved = time.monotonic()

    while state.epoch < recipe.epochs:
        state.model.train()
        started = time.monotonic()
        for pixels, labels in job.train.epoch(state.epoch, first=state.batch):
            step = state.epoch * steps_per_epoch + state.batch
            for group in state.optimizer.param_groups:
                group["lr"] = learning_rate(step, steps_per_epoch, recipe)
            seed_torch(recipe.seed, STEP, step)
            loss, correct = train_step(forward, state, recipe, job.to_input(pixels), labels)
            if not isfinite(loss):
                raise not_finite("loss", step, job)
            state.average(recipe.ema, step)
            state.count(loss, correct, len(labels))
            yield Step(
                state.epoch, state.batch, steps_per_epoch, state.loss, state.top1, len(labels)
            )
            if state.batch < steps_per_epoch and (
                job.stop.requested or time.monotonic() - saved > SAVE_SECONDS
            ):
                state.seconds += time.monotonic() - started
                started = saved = time.monotonic()
                save(job, state, step)
                if job.stop.requested:
                    return
        state.seconds += time.monotonic() - started

        row = {"epoch": state.epoch + 1, "lr": state.optimizer.param_groups[0]["lr"]}
        row |= {"train_loss": state.loss, "train_top1": state.top1}
        if job.val is not None:
            row |= validate(state.averaged, job.val, job.to_input, recipe.label_smoothing)
            if not isfinite(row["val_loss"]):
                raise not_finite("validation loss", step, job)
        row["seconds"] = state.seconds
        best = state.end_epoch(row)
        save(job, state, step, best)
        saved = time.monotonic()
        yield EpochEnd(row, best)
        if job.stop.requested:
            return


def save(job: Job, state: State, step: int, best: bool = False) -> None:
    """Write resume.safetensors, and model.safetensors before it when the epoch was the best.

    Raises MartletError when a weight is not finite: what is on the disk stays good.
    """
    if not state.finite():
        raise not_finite("weights", step, job)
    if best:
        state.save_best(job.folder, job.header)
    state.save(job.folder, job.header)


def train_step(
    forward: Callable[[Tensor], Tensor],
    state: State,
    recipe: Recipe,
    inputs: Tensor,
    labels: Tensor,
) -> tuple[float, int]:
    """One step of the optimiser; the mean loss and the number of right answers before it."""
    labels = labels.to(inputs.device)
    with torch.autocast(inputs.device.type, torch.bfloat16, recipe.precision == "bfloat16"):
        logits = forward(inputs)
    loss = F.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer.step()
    correct = (logits.argmax(dim=1) == labels).sum()
    both = torch.stack((loss.detach(), correct.to(loss.dtype)))  # the device is waited for once
    loss_value, hits = both.tolist()
    return loss_value, int(hits)


def validate(
    model: nn.Module, batches: EvalBatches, to_input: ToInput, label_smoothing: float
) -> dict[str, float]:
    """Mean loss and accuracy over the validation part.

    The loss is smoothed as in training, so that the two curves can be compared.
    """
    logits, labels = predict_logits(model, batches, to_input)
    scores, truth = torch.from_numpy(logits), torch.from_numpy(labels)
    return {
        "val_loss": float(F.cross_entropy(scores, truth, label_smoothing=label_smoothing)),
        "val_top1": int((scores.argmax(dim=1) == truth).sum()) / len(truth),
    }


def not_finite(what: str, step: int, job: Job) -> MartletError:
    """The sentence for NaN or infinity after `step` (from 0)."""
    epoch, batch = divmod(step, len(job.train))
    return MartletError(
        f"The {what} became NaN or infinite at step {step} (epoch {epoch + 1}, batch {batch + 1}) "
        f"with lr={job.recipe.lr:g}; the last good checkpoint is kept in {job.folder}; try a "
        "smaller --lr under another --name."
    )
