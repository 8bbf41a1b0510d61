"""Pictures that lie on the device, where whole batches of them are cropped, mirrored and resized.

For a GPU that is faster than the cores which would feed it. Nothing keeps a state: what is drawn
for a batch follows from (seed, epoch, number of the batch), and is drawn on the CPU, for the batch
of all processes: neither the device nor the number of processes changes it. They are other random
numbers than those of `martlet.data.batches`, which follow from each sample.
"""

from collections.abc import Iterator
from math import log
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from martlet.data.batches import AUGMENT, Batch, BatchKey, TrainBatches
from martlet.data.kind import Samples
from martlet.errors import MartletError
from martlet.memory import in_words, require_memory

WAY_OUT = "give augment_on=cpu, or a smaller image_size"
RATIOS = 3 / 4, 4 / 3  # of a crop's width to its height, as torchvision's RandomResizedCrop has it
ATTEMPTS = 10  # to find a crop that lies within its picture


class Boxes(NamedTuple):
    """Parts of pictures, in pixels: int64 (pictures,) each."""

    top: NDArray[np.int64]
    left: NDArray[np.int64]
    height: NDArray[np.int64]
    width: NDArray[np.int64]


def random_boxes(
    heights: NDArray[np.int64], widths: NDArray[np.int64], least: float, rng: np.random.Generator
) -> Boxes:
    """As torchvision's RandomResizedCrop draws them: `least` to all of the area, then a place."""
    shape = len(heights), ATTEMPTS
    areas = (heights * widths)[:, None] * rng.uniform(least, 1.0, shape)
    ratios = np.exp(rng.uniform(log(RATIOS[0]), log(RATIOS[1]), shape))
    wide, high = np.rint(np.sqrt(areas * ratios)), np.rint(np.sqrt(areas / ratios))
    fits = (wide > 0) & (wide <= widths[:, None]) & (high > 0) & (high <= heights[:, None])
    first, some = fits.argmax(1), fits.any(1)
    rows = np.arange(len(heights))
    middle = middle_boxes(heights, widths, *RATIOS)
    height = np.where(some, high[rows, first], middle.height).astype(np.int64)
    width = np.where(some, wide[rows, first], middle.width).astype(np.int64)
    top, left = rng.integers(heights - height + 1), rng.integers(widths - width + 1)
    return Boxes(np.where(some, top, middle.top), np.where(some, left, middle.left), height, width)


def middle_boxes(
    heights: NDArray[np.int64], widths: NDArray[np.int64], narrow: float = 1.0, wide: float = 1.0
) -> Boxes:
    """The largest part in the middle that is neither narrower nor wider than these ratios."""
    height = np.minimum(heights, np.rint(widths / narrow)).astype(np.int64)
    width = np.minimum(widths, np.rint(heights * wide)).astype(np.int64)
    return Boxes((heights - height) // 2, (widths - width) // 2, height, width)


class PicturesOnDevice:
    """uint8 pictures of different sizes and as many channels, one behind the other in a buffer.

    Raises MartletError when the device has no room for them.
    """

    def __init__(
        self, samples: Samples, indices: NDArray[np.int64], device: torch.device | str
    ) -> None:
        self.device = torch.device(device)
        shapes = np.array([samples[int(index)].shape for index in indices], dtype=np.int64)
        sizes = shapes[:, 0] * shapes[:, 1]
        self._require(int(sizes.sum() * shapes[0, 2]))
        self.heights, self.widths = shapes[:, 0], shapes[:, 1]
        self.starts = np.concatenate(([0], np.cumsum(sizes)))[:-1]
        self.places = np.full(len(samples), -1, dtype=np.int64)  # of a sample, among those here
        self.places[indices] = np.arange(len(indices))
        shape = int(sizes.sum()), int(shapes[0, 2])
        self.pixels = torch.empty(shape, dtype=torch.uint8, device=self.device)
        for index, start, size in zip(indices, self.starts, sizes, strict=True):
            flat = np.ascontiguousarray(samples[int(index)]).reshape(size, -1)
            self.pixels[int(start) : int(start + size)] = torch.from_numpy(flat)

    def _require(self, needed: int) -> None:
        what = "the training part on the device (augment_on=device)"
        if self.device.type != "cuda":
            return require_memory(needed, what, WAY_OUT)
        free, _ = torch.cuda.mem_get_info(self.device)
        if needed > free:
            raise MartletError(
                f"{what} needs {in_words(needed)}, and {in_words(free)} are free; {WAY_OUT}."
            )
        return None

    def resized(
        self, chosen: NDArray[np.int64], boxes: Boxes, mirrored: NDArray[np.bool_], size: int
    ) -> Tensor:
        """Parts of some pictures, bilinear, without antialiasing: uint8 (N, size, size, C)."""
        start, width, top, left, high, wide, turned = self._sent(
            self.starts[chosen], self.widths[chosen], *boxes, mirrored
        )
        upper, lower, down = _between(top, high, size)
        columns = _between(left, wide, size)
        before, after, right = (_turned(one, turned) for one in columns)
        right, down = right[:, None, :, None], down[:, :, None, None]

        def row(at: Tensor) -> Tensor:
            one, other = (self._at(start, width, at, columns) for columns in (before, after))
            return torch.lerp(one, other, right)

        return torch.lerp(row(upper), row(lower), down).add_(0.5).to(torch.uint8)

    def padded(
        self,
        chosen: NDArray[np.int64],
        corners: NDArray[np.int64],
        mirrored: NDArray[np.bool_],
        size: int,
        reflect: bool,
    ) -> Tensor:
        """Parts that may lie beyond the edges, where pictures go on mirrored or black.

        corners: (2, N), top and left. Returns uint8 (N, size, size, C).
        """
        start, width, height, top, left, turned = self._sent(
            self.starts[chosen], self.widths[chosen], self.heights[chosen], *corners, mirrored
        )
        steps = torch.arange(size, device=self.device)
        rows, columns = top[:, None] + steps, _turned(left[:, None] + steps, turned)
        bottom, end = height[:, None] - 1, width[:, None] - 1
        if reflect:
            rows = bottom - (bottom - rows.abs()).abs()
            columns = end - (end - columns.abs()).abs()
            return self._at(start, width, rows, columns).to(torch.uint8)
        inside = torch.minimum(rows.clamp(min=0), bottom), torch.minimum(columns.clamp(min=0), end)
        there = (inside[0] == rows)[:, :, None] & (inside[1] == columns)[:, None, :]
        return (self._at(start, width, *inside) * there[..., None]).to(torch.uint8)

    def _at(self, start: Tensor, width: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Float32 (N, R, S, C): the pixels at rows (N, R) and columns (N, S) of N pictures."""
        places = (start[:, None] + rows * width[:, None])[:, :, None] + columns[:, None, :]
        return self.pixels[places].float()

    def _sent(self, *values: NDArray[Any]) -> Tensor:
        """int64, a row for each of them, in one transfer that nothing waits for."""
        rows = torch.from_numpy(np.stack(values).astype(np.int64))
        rows = rows.pin_memory() if self.device.type == "cuda" else rows
        return rows.to(self.device, non_blocking=True)


def _turned(columns: Tensor, mirrored: Tensor) -> Tensor:
    """Columns (N, S) from the right to the left in the pictures that are mirrored."""
    return torch.where(mirrored[:, None] == 1, columns.flip(1), columns)


def _between(start: Tensor, length: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Along a side, for `size` pixels: which two lie around, (N, size), and the second's share."""
    steps = torch.arange(size, device=start.device, dtype=torch.float32) + 0.5
    end = length[:, None] - 1
    at = torch.minimum((steps * (length[:, None] / size) - 0.5).clamp(min=0), end.float())
    low = at.floor().long()
    high = torch.minimum(low + 1, end)
    return start[:, None] + low, start[:, None] + high, at - low


class DeviceLoader:
    """An epoch's batches of pictures, prepared on the device as the recipe says."""

    workers = 0

    def __init__(
        self, batches: TrainBatches, size: int, recipe: Any, device: torch.device | str
    ) -> None:
        self.batches, self.size, self.recipe = batches, size, recipe
        self.pictures = PicturesOnDevice(batches.samples, batches.indices, device)

    @property
    def batch_size(self) -> int:
        """Samples in each batch, of all processes together."""
        return self.batches.batch_size

    def __len__(self) -> int:
        return self.batches.batches_per_epoch

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of `epoch`, from number `first` on: pixels on the device, targets beside."""
        for number in range(first, len(self)):
            key = epoch, number
            targets = self.batches.targets[self.batches.chosen(key)]
            yield self.pixels(key), torch.from_numpy(targets)

    def close(self) -> None:
        """Nothing is open."""

    def pixels(self, key: BatchKey) -> Tensor:
        """uint8 (N, size, size, C), this process's share of the batch."""
        recipe, pictures, share = self.recipe, self.pictures, self.batches.places
        rng = np.random.default_rng((self.batches.seed, AUGMENT, *key))
        chosen = pictures.places[self.batches.whole(key)]
        heights, widths = pictures.heights[chosen], pictures.widths[chosen]
        mirrored = (rng.random(len(chosen)) < 0.5) & recipe.flip
        if recipe.flip_alternating:
            mirrored = self.batches.mirrored(key)
        if recipe.pad_crop:
            pad = recipe.pad_crop
            ends = np.stack((heights, widths)) + (2 * pad - self.size + 1)
            corners = rng.integers(ends) - pad
            return pictures.padded(
                chosen[share],
                corners[:, share],
                mirrored[share],
                self.size,
                recipe.pad_mode == "reflect",
            )
        if recipe.crop_scale < 1:
            boxes = random_boxes(heights, widths, recipe.crop_scale, rng)
        else:
            boxes = middle_boxes(heights, widths)
        mine = Boxes(*(side[share] for side in boxes))
        return pictures.resized(chosen[share], mine, mirrored[share], self.size)
