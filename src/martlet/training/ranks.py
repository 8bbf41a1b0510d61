"""Several processes that train one network, and what they tell each other.

Gradients are averaged by one collective a step, behind the backward pass, in one flat buffer.
torch's DistributedDataParallel sends them in buckets while the backward pass still runs; the
networks here have few weights, so that there is little to hide, and its buckets change after the
first step: with three processes or more, a run that goes on would add in another order.

What is said of the run itself (has one failed? is it to stop?) goes by a group of its own, on the
CPU, so that a process that has died is noticed before a GPU waits for it.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from martlet.data.share import Share
from martlet.errors import MartletError

STUCK = timedelta(minutes=30)  # that a process waits for the others within a step
POLL_SECONDS = 0.05  # of waits that take long; signals are answered in between

Batch = TypeVar("Batch")
Sent = TypeVar("Sent")


class LostError(MartletError):
    """Another process has ended without a word, or does not answer."""


@dataclass(frozen=True)
class Ranks:
    """The process number `rank` of `count` that train together; one alone needs no group.

    local, local_count: number among the processes of this machine, and how many those are.
    control: the group for words, of the backend gloo.
    """

    rank: int = 0
    count: int = 1
    local: int = 0
    local_count: int = 1
    control: Any = None

    @property
    def alone(self) -> bool:
        """No other process trains with this one."""
        return self.count == 1

    @property
    def first(self) -> bool:
        """It is the one that writes files and prints."""
        return self.rank == 0

    @property
    def share(self) -> Share:
        """What it takes of each batch."""
        return Share(self.rank, self.count)

    def meet(
        self, error: MartletError | None = None, *, flag: bool = False, patient: bool = False
    ) -> bool:
        """Wait for all; whether one of them has raised its `flag`.

        patient: the others may take hours. Raises `error`, and in processes without one of their
        own that of another; LostError when one is gone.
        """
        if self.alone:
            if error is not None:
                raise error
            return flag
        said = torch.tensor([error is not None, flag], dtype=torch.int32)
        with lost(self.count):
            work = dist.all_reduce(said, dist.ReduceOp.MAX, group=self.control, async_op=True)
            while patient and not work.is_completed():
                time.sleep(POLL_SECONDS)
            work.wait(STUCK)
        failed, raised = said.tolist()
        if failed:
            sentences = self.gather(None if error is None else str(error))
            if error is not None:
                raise error
            rank, sentence = next((n, text) for n, text in enumerate(sentences) if text is not None)
            raise MartletError(f"process {rank} of {self.count}: {sentence}")
        return bool(raised)

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """All do the block, or all raise the MartletError of the one that could not."""
        error = None
        try:
            yield
        except LostError:
            raise
        except MartletError as failed:
            error = failed
        self.meet(error, patient=True)

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """The first process does the block, then the others: they find the files that it wrote.

        All raise the MartletError of one that could not.
        """
        error = None
        if not self.first:
            self.meet(patient=True)
        try:
            yield
        except MartletError as failed:
            error = failed
        self.meet(error)
        if self.first:
            self.meet(patient=True)

    def in_step(self, batches: Iterable[Batch], stop: Callable[[], bool]) -> Iterator[Batch]:
        """The batches, as long as each process has its next one and none is to stop before it.

        The first one comes in any case.
        """
        prepared, begun = iter(batches), False
        while True:
            batch, error = None, None
            try:
                batch = next(prepared, None)
            except MartletError as failed:
                error = failed
            if self.meet(error, flag=begun and stop()) or batch is None:
                return
            yield batch
            begun = True

    def gather(self, sent: Sent) -> list[Sent]:
        """What each process has sent, in their order."""
        if self.alone:
            return [sent]
        received: list[Any] = [None] * self.count
        with lost(self.count):
            dist.all_gather_object(received, sent, group=self.control)
        return received

    @torch.no_grad()
    def reduce(self, tensors: list[Tensor], sums: Tensor) -> Tensor:
        """Put the mean over the processes into float32 `tensors`; the total of `sums` (N,)."""
        if self.alone:
            return sums
        flat = torch.cat([sums, *(tensor.reshape(-1) for tensor in tensors)])
        with lost(self.count):
            if flat.is_cuda:  # nothing is sent to a GPU that waits for a process that is gone
                self.meet()
            dist.all_reduce(flat)
        totals, means = flat[: len(sums)], flat[len(sums) :] / self.count
        if tensors:
            parts = means.split([tensor.numel() for tensor in tensors])
            pairs = zip(parts, tensors, strict=True)
            torch._foreach_copy_(tensors, [part.view(tensor.shape) for part, tensor in pairs])
        return totals


ONE_PROCESS = Ranks()


@contextmanager
def lost(count: int) -> Iterator[None]:
    """What torch raises when the connection breaks, or nobody answers, as LostError."""
    try:
        yield
    except RuntimeError as error:
        raise LostError(f"one of the {count} processes that train has ended, or hangs.") from error
