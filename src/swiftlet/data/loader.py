"""Batches from the pixel cache, the same ones whatever the number of workers.

Nothing here keeps the state of a random generator. The order of an epoch follows from (seed,
epoch), and the augmentation of a picture from (seed, epoch, picture), so a run may stop at any
batch and go on from there with exactly the batches it would have had.
"""

import signal
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from swiftlet.data.cache import PixelCache
from swiftlet.data.preprocess import Preprocess

Batch = tuple[Tensor, Tensor]  # uint8 (N, C, size, size) in channels-last memory, int64 (N,)
BatchKey = tuple[int, int]  # epoch, number of the batch within it


def mixed_seed(*numbers: int) -> int:
    """One 63-bit seed from several counters, well spread even for neighbouring counters."""
    low, high = np.random.SeedSequence(numbers).generate_state(2)
    return (int(high) << 32 | int(low)) & (2**63 - 1)


class TrainBatches(Dataset[Batch]):
    """Augmented training batches; item (epoch, number) is one whole batch.

    The last, smaller batch of an epoch is left out (another one each epoch, since the order
    changes): batch norm needs a full one, and a compiled step a fixed shape.
    """

    def __init__(
        self,
        cache: PixelCache,
        labels: Sequence[int],
        indices: Sequence[int],
        *,
        size: int,
        augment: v2.Transform,
        batch_size: int,
        seed: int,
    ) -> None:
        self.cache, self.augment, self.size, self.seed = cache, augment, size, seed
        self.labels = np.asarray(labels, dtype=np.int64)
        self.indices = np.asarray(indices, dtype=np.int64)
        self.batch_size = min(batch_size, len(self.indices))
        self.batches_per_epoch = len(self.indices) // self.batch_size

    def __getitem__(self, key: BatchKey) -> Batch:
        epoch, number = key
        order = np.random.default_rng((self.seed, epoch)).permutation(self.indices)
        chosen = order[number * self.batch_size : (number + 1) * self.batch_size]
        channels = self.cache[int(chosen[0])].shape[2]
        pixels = torch.empty(len(chosen), self.size, self.size, channels, dtype=torch.uint8)
        for slot, index in zip(pixels, chosen, strict=True):
            torch.manual_seed(mixed_seed(self.seed, epoch, int(index)))
            picture = torch.from_numpy(self.cache[int(index)].copy()).permute(2, 0, 1)
            slot.copy_(self.augment(picture).permute(1, 2, 0))
        return pixels.permute(0, 3, 1, 2), torch.from_numpy(self.labels[chosen])


class EvalBatches(Dataset[Batch]):
    """Pictures as the Preprocess crops them, in the given order; item n is the n-th batch."""

    def __init__(
        self,
        cache: PixelCache,
        labels: Sequence[int],
        indices: Sequence[int],
        *,
        preprocess: Preprocess,
        batch_size: int,
    ) -> None:
        self.cache, self.preprocess, self.batch_size = cache, preprocess, batch_size
        self.labels = np.asarray(labels, dtype=np.int64)
        self.indices = np.asarray(indices, dtype=np.int64)

    def __len__(self) -> int:
        return -(-len(self.indices) // self.batch_size)

    def __getitem__(self, number: int) -> Batch:
        if not 0 <= number < len(self):
            raise IndexError(number)
        chosen = self.indices[number * self.batch_size : (number + 1) * self.batch_size]
        pixels = np.stack([self.preprocess.crop(self.cache[int(index)]) for index in chosen])
        return torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(self.labels[chosen])


class EpochKeys:
    """A sampler: the keys of one epoch's batches from `first` on. Set `epoch` before iterating."""

    def __init__(self, batches: int) -> None:
        self.batches, self.epoch, self.first = batches, 0, 0

    def __iter__(self) -> Iterator[BatchKey]:
        return ((self.epoch, number) for number in range(self.first, self.batches))

    def __len__(self) -> int:
        return self.batches - self.first


def _quiet_worker(_: int) -> None:
    """Ctrl-C reaches every process of the terminal; only the training process acts on it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class TrainLoader:
    """Iterates an epoch's batches, prepared ahead in `workers` processes (0: in this one)."""

    def __init__(self, batches: TrainBatches, workers: int) -> None:
        self.batches = batches
        self.keys = EpochKeys(batches.batches_per_epoch)
        self._loader: DataLoader[Batch] = DataLoader(
            batches,
            batch_size=None,
            sampler=self.keys,
            num_workers=workers,
            persistent_workers=workers > 0,
            worker_init_fn=_quiet_worker,
        )

    def __len__(self) -> int:
        return self.batches.batches_per_epoch

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of `epoch`, from number `first` on."""
        self.keys.epoch, self.keys.first = epoch, first
        return iter(self._loader)
