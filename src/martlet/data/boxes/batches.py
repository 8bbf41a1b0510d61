"""Training batches of pictures with boxes, whose targets change with the pictures."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from martlet.data.batches import Batch, BatchKey, TrainBatches
from martlet.data.boxes.augment import Augment
from martlet.data.boxes.samples import NO_BOX, BoxSamples
from martlet.data.kind import AnyPreprocess
from martlet.data.share import WHOLE, Share

PICTURES_OF_A_MOSAIC = 4


class BoxBatches(TrainBatches):
    """As TrainBatches; targets (N, rows, columns) lie in a ring of their own beside the pictures.

    mosaic: whether a picture may be made of four, which have as many rows together.
    """

    def __init__(
        self,
        samples: BoxSamples,
        targets: NDArray[np.float32],
        indices: Sequence[int],
        *,
        preprocess: AnyPreprocess,
        augment: Augment,
        batch_size: int,
        seed: int,
        mosaic: bool = False,
        repeats: int = 1,
        share: Share = WHOLE,
    ) -> None:
        super().__init__(
            samples,
            targets,
            indices,
            preprocess=preprocess,
            augment=_alone,
            batch_size=batch_size,
            seed=seed,
            repeats=repeats,
            share=share,
        )
        self.change = augment
        rows = targets.shape[1] * (PICTURES_OF_A_MOSAIC if mosaic else 1)
        self.room = (self.shape[0], rows, targets.shape[2])
        self.made = torch.empty(1, *self.room)

    def make_slots(self, number: int) -> None:
        super().make_slots(number)
        self.made = torch.empty(number, *self.room).share_memory_()

    def _put(self, slot: int, at: int, index: int, visit: int) -> None:
        picture, target = self.change(self.samples[index], self.targets[index], self._another)
        self.slots[slot, at].copy_(picture)
        room = self.made[slot, at]
        room.zero_()[:, 0] = NO_BOX
        room[: len(target)].copy_(torch.from_numpy(target))

    def _another(self) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """A picture of the training part by chance, from torch's generator."""
        index = int(self.indices[int(torch.randint(len(self.indices), ()))])
        target: NDArray[np.float32] = self.targets[index]
        return self.samples[index], target

    def batch(self, key: BatchKey, slot: int) -> Batch:
        """What lies in `slot`, with its targets; valid until the next batch is asked for."""
        return self.slots[slot], self.made[slot].clone()


def _alone(pixels: Any) -> Any:
    """A sample is not changed without its target."""
    raise AssertionError("pictures with boxes are changed together with these")
