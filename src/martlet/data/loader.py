"""An epoch's training batches, prepared ahead in processes of their own."""

import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from torch import Tensor
from torch.utils.data import DataLoader

from martlet.data.batches import Batch, BatchKey, TrainBatches
from martlet.errors import MartletError


class EpochKeys:
    """A sampler: the keys of one epoch's batches from `first` on. Set both before iterating."""

    def __init__(self, batches: int) -> None:
        self.batches, self.epoch, self.first = batches, 0, 0

    def __iter__(self) -> Iterator[BatchKey]:
        return ((self.epoch, number) for number in range(self.first, self.batches))

    def __len__(self) -> int:
        return self.batches - self.first


def _start_worker(_: int) -> None:
    """Signals may reach the whole process group; only the training process acts on them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@contextmanager
def _unwarned() -> Iterator[None]:
    """Without torch's paragraph on more workers than cores: who starts a run says it in a line."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
        yield


class Loader(Protocol):
    """An epoch's batches, as the loop takes them."""

    @property
    def batch_size(self) -> int:
        """Samples in each batch, of all processes together."""

    @property
    def workers(self) -> int:
        """Processes that prepare them."""

    def __len__(self) -> int:
        """Batches of an epoch."""

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Any, Tensor]]:
        """What `ToInput` takes, and targets, of an epoch's batches from number `first` on."""

    def close(self) -> None:
        """End the processes; no more batches are asked for."""


class TrainLoader:
    """Iterates an epoch's batches, prepared ahead in `workers` processes (0: in this one)."""

    AHEAD = 2  # batches that each worker prepares in advance

    def __init__(self, batches: TrainBatches, workers: int) -> None:
        self.batches = batches
        self.workers = workers
        self.keys = EpochKeys(batches.batches_per_epoch)
        if workers > 0:  # one slot in use while all the others may be written to
            batches.make_slots(workers * self.AHEAD + 2)
        with _unwarned():
            self._loader: DataLoader[int | str] = DataLoader(
                batches,
                batch_size=None,
                sampler=self.keys,
                num_workers=workers,
                prefetch_factor=self.AHEAD if workers > 0 else None,
                persistent_workers=workers > 0,
                worker_init_fn=_start_worker,
            )

    @property
    def batch_size(self) -> int:
        """Samples in each batch, of all processes together."""
        return self.batches.batch_size

    def __len__(self) -> int:
        return self.batches.batches_per_epoch

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of `epoch`, from number `first` on; each valid until the next one.

        Raises MartletError when a worker dies, or a sample cannot be read.
        """
        self.keys.epoch, self.keys.first = epoch, first
        slots = iter(self._slots())
        for key, slot in zip(self.keys, slots, strict=False):
            if isinstance(slot, str):
                raise MartletError(slot)
            yield self.batches.batch(key, slot)
        next(slots, None)  # let the loader finish its epoch

    def close(self) -> None:
        """End the processes, whoever still holds the loader or an epoch of it.

        They ignore SIGTERM, so Python, which sends it to them at its end and waits, would wait for
        ever.
        """
        held = getattr(self._loader, "_iterator", None)
        if held is not None:
            held._shutdown_workers()
            self._loader._iterator = None

    def _slots(self) -> Iterator[int | str]:
        try:
            with _unwarned():
                slots = iter(self._loader)
            yield from slots
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise MartletError(
                f"a process that prepares inputs died ({str(error).splitlines()[0]}); the last "
                "checkpoint is kept, go on with --resume, with --workers 0 if it dies again (in a "
                "script, call train below `if __name__ == '__main__':`)."
            ) from error
