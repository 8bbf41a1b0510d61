"""Batches of samples, the same ones whatever the number of workers.

Nothing here keeps the state of a random generator. The order of an epoch follows from (seed,
epoch), and the augmentation of a sample from (seed, epoch, sample), so a run may stop at any
batch and go on from there with exactly the batches it would have had.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from martlet.data.balance import balanced_order, by_class, occurrences
from martlet.data.kind import AnyPreprocess, Samples
from martlet.data.share import WHOLE, Share
from martlet.errors import MartletError
from martlet.memory import eval_batch_size

Batch = tuple[Tensor, Tensor]  # samples (N, ...) as the cache lays them out, and targets (N, ...)
BatchKey = tuple[int, int]  # epoch, number of the batch within it


INIT, STEP, AUGMENT, FLIP = 0, 1, 2, 3  # what random numbers are drawn for; each has its own stream


def seed_torch(seed: int, purpose: int, *counters: int) -> None:
    """Seed torch's generators for one purpose at one point of a run; neighbours are unlike."""
    low, high = np.random.SeedSequence((seed, purpose, *counters)).generate_state(2)
    seed = (int(high) << 32 | int(low)) & (2**63 - 1)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed takes 20 times as long
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


class TrainBatches(Dataset[int | str]):
    """Augmented training batches; item (epoch, number) prepares one whole batch in a slot.

    The last, smaller batch of an epoch is left out (another one each epoch, since the order
    changes): batch norm needs a full one, and a compiled step a fixed shape.

    Samples go into a ring of `slots` in shared memory, made once: sending fresh memory from a
    worker for every batch takes as long as augmenting it does.

    repeats: copies of a sample in a batch, each augmented differently; an epoch of as many batches
        then sees fewer samples, others each time, as torchvision's RASampler has it.
    balanced: each class is drawn as often as the others, samples of small ones more than once.
    alternate: pictures (H, W, C) are mirrored in every second epoch, each from its own first one.
    share: of each batch, when several processes train; the batches are those of one process.
    """

    def __init__(
        self,
        samples: Samples,
        targets: Sequence[Any] | NDArray[Any],
        indices: Sequence[int],
        *,
        preprocess: AnyPreprocess,
        augment: Callable[[NDArray[Any]], Tensor],
        batch_size: int,
        seed: int,
        repeats: int = 1,
        balanced: bool = False,
        alternate: bool = False,
        share: Share = WHOLE,
    ) -> None:
        self.samples, self.augment, self.seed = samples, augment, seed
        self.repeats, self.alternate = repeats, alternate
        self.targets = np.asarray(targets)
        self.indices = np.asarray(indices, dtype=np.int64)
        self.batch_size = min(batch_size, len(self.indices))  # of all processes
        self.places = share.of(self.batch_size)
        like = torch.from_numpy(preprocess.crop(samples[int(self.indices[0])]))
        self.shape = (self.places.stop - self.places.start, *like.shape)
        self.dtype = like.dtype
        self.batches_per_epoch = len(self.indices) // self.batch_size
        self.slots = torch.empty(1, *self.shape, dtype=self.dtype)
        self._by_class = by_class(self.targets, self.indices) if balanced else None
        self._epoch, self._order = -1, self.indices  # shuffled once an epoch, not once a batch
        self._copies = self.indices

    def make_slots(self, number: int) -> None:
        """A ring of so many slots in shared memory, for batches that processes prepare."""
        self.slots = torch.empty(number, *self.shape, dtype=self.dtype).share_memory_()

    def chosen(self, key: BatchKey) -> NDArray[np.int64]:
        """Indices of the samples in the batch, or in this process's share of it."""
        return self.whole(key)[self.places]

    def whole(self, key: BatchKey) -> NDArray[np.int64]:
        """Indices of the samples in the batch of all processes."""
        epoch, number = key
        if epoch != self._epoch:
            self._order, self._epoch = self._ordered(epoch), epoch
            self._copies = occurrences(self._order)
        return self._order[number * self.batch_size : (number + 1) * self.batch_size]

    def _ordered(self, epoch: int) -> NDArray[np.int64]:
        """Indices of the epoch's samples, copies of one behind each other."""
        used = self.batches_per_epoch * self.batch_size
        if self._by_class is None:
            order = np.random.default_rng((self.seed, epoch)).permutation(self.indices)
        else:
            drawn = -(-used // self.repeats)
            order = balanced_order(self._by_class, drawn, self.seed, epoch)
        return order.repeat(self.repeats)[:used]

    def __getitem__(self, key: BatchKey) -> int | str:
        """Fill a slot with the batch and return the slot's number, or the sentence of an error.

        What a worker process raises would come back as a traceback in a message.
        """
        try:
            return self._fill(key)
        except MartletError as error:
            return str(error)

    def _fill(self, key: BatchKey) -> int:
        epoch, number = key
        slot = (epoch * self.batches_per_epoch + number) % len(self.slots)
        first = number * self.batch_size + self.places.start
        for at, index in enumerate(map(int, self.chosen(key))):
            copy = int(self._copies[first + at])
            seed_torch(self.seed, AUGMENT, epoch, index, *([copy] if copy else []))
            self._put(slot, at, index, epoch + copy)
        return slot

    def _put(self, slot: int, at: int, index: int, visit: int) -> None:
        """One augmented sample into its place; visit: which time it is shown, from 0."""
        made = self.augment(self.samples[index])
        if self.alternate and self._mirrored(index, visit):
            made = made.flip(1)
        self.slots[slot, at].copy_(made)

    def mirrored(self, key: BatchKey) -> NDArray[np.bool_]:
        """Which pictures of the batch of all processes `alternate` mirrors."""
        epoch, number = key
        chosen = self.whole(key)
        copies = self._copies[number * self.batch_size :]
        pairs = zip(chosen.tolist(), copies.tolist(), strict=False)
        return np.array([self._mirrored(index, epoch + copy) for index, copy in pairs])

    def _mirrored(self, index: int, epoch: int) -> bool:
        """Whether the picture is, in this epoch; half of all are in each."""
        (drawn,) = np.random.SeedSequence((self.seed, FLIP, index)).generate_state(1)
        return bool((int(drawn) + epoch) % 2)

    def batch(self, key: BatchKey, slot: int) -> Batch:
        """What lies in `slot`, with its targets; valid until the next batch is asked for."""
        targets = torch.from_numpy(self.targets[self.chosen(key)])
        return self.slots[slot], targets


class EvalBatches(Dataset[Batch]):
    """Samples as the Preprocess crops them, in the given order; item n is the n-th batch.

    batch_size: None: as many as memory is usually there for.
    """

    def __init__(
        self,
        samples: Samples,
        targets: Sequence[Any] | NDArray[Any],
        indices: Sequence[int],
        *,
        preprocess: AnyPreprocess,
        batch_size: int | None = None,
    ) -> None:
        self.samples, self.preprocess = samples, preprocess
        self.batch_size = batch_size or eval_batch_size(preprocess.shape)
        self.targets = np.asarray(targets)
        self.indices = np.asarray(indices, dtype=np.int64)

    def __len__(self) -> int:
        return -(-len(self.indices) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> Batch:
        if not 0 <= number < len(self):
            raise IndexError(number)
        chosen = self.indices[number * self.batch_size : (number + 1) * self.batch_size]
        batch = np.stack([self.preprocess.crop(self.samples[int(index)]) for index in chosen])
        return torch.from_numpy(batch), torch.from_numpy(self.targets[chosen])


class ScoredBatches(Protocol):
    """Batches to score; of several processes each takes some of them by number."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]: ...

    def __getitem__(self, number: int, /) -> tuple[Any, Tensor]: ...
