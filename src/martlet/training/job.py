"""What the training loop works on, and what it tells of its steps."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from martlet import tasks
from martlet.data.batches import ScoredBatches
from martlet.data.kind import ToInput
from martlet.data.loader import Loader
from martlet.tasks import Task
from martlet.training.checkpoint import Header
from martlet.training.distillation import Teacher
from martlet.training.ranks import ONE_PROCESS, Ranks
from martlet.training.recipe import Recipe


@dataclass(frozen=True)
class Step:
    """After a training step: running means over the epoch so far."""

    epoch: int  # from 0
    batch: int  # done in this epoch
    batches: int  # per epoch
    means: dict[str, float]  # "loss", and what the task counts
    samples: int  # in this step


# What a batch becomes behind the input step: (inputs, targets) -> (inputs, targets), on the device.
# It draws from torch's generators, which the loop seeds for each step, and may make targets soft:
# mixed with other samples' or a teacher's answers, (N, outputs) for classification.
Transform = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


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
    """What the loop works on; all of it is made before the first step.

    ranks: of several processes that train together, each with a job of its own.
    through: a network -> the same as batches go through it, where they are not plain tensors.
    class_weights: (classes,) of samples in the loss; None: all alike.
    teacher: whose answers are learnt from, beside the targets.
    measured: the training part as it is scored, for the statistics of norm="recalibrated".
    """

    header: Header
    train: Loader
    val: ScoredBatches | None
    folder: Path
    to_input: ToInput
    transform: Transform | None = None
    stop: Stop = field(default_factory=Stop)
    ranks: Ranks = ONE_PROCESS
    through: Callable[[nn.Module], nn.Module] = lambda model: model
    class_weights: Tensor | None = None
    teacher: Teacher | None = None
    measured: Iterable[tuple[Any, Tensor]] | None = None

    @property
    def recipe(self) -> Recipe:
        """The recipe of the header."""
        return self.header.recipe

    @property
    def task(self) -> Task:
        """The task of the header, with the loss of its network and the weights of its classes."""
        task = tasks.find(self.header.task)
        if task.of_network is not None:
            task = task.of_network(self.header.network.options)
        return task if self.class_weights is None else task.weighing(self.class_weights)
