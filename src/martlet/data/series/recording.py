"""What is read: recordings, stretches of samples at even distances with none missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

NOTHING = -1  # label of a sample that no class is known of


@dataclass(frozen=True)
class Recording:
    """Samples of several channels, without gaps.

    name: path below the root, or what a person finds it by; "[120:800]" behind it are the rows of
        a piece, where gaps cut the recording.
    values: float32 (length, channels).
    channels: names of the channels.
    source: name of the recording that it is a piece of, or its own.
    label: index in `Recordings.classes` of the whole recording; None: unlabelled, or `labels`.
    labels: int32 (length,), of every sample, `NOTHING` where there is none; None: `label`.
    subject: who was recorded, as the files name them; None: not known.
    part: "train", "val" or "test" where the files were given so.
    rate: samples in a second, Hz; None: not known.
    """

    name: str
    values: NDArray[np.float32] = field(repr=False)
    channels: tuple[str, ...]
    source: str
    label: int | None = None
    labels: NDArray[np.int32] | None = field(default=None, repr=False)
    subject: str | None = None
    part: str | None = None
    rate: float | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def group(self) -> str:
        """What one part alone may hold: the subject, else the recording."""
        return self.source if self.subject is None else self.subject


@dataclass(frozen=True)
class Recordings(Sequence[Recording]):
    """Recordings of the same channels and rate, in the order of their names.

    root: the folder that names are below.
    layout: name of the layout that they were read as.
    classes: names of the labels, numbers by size and other names by the alphabet.
    told: sentences about how the files were understood.
    odd: sentences, with counts, about what was not used or not there.
    """

    root: Path
    layout: str
    classes: tuple[str, ...]
    items: tuple[Recording, ...] = field(repr=False)
    told: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels, the same in all."""
        return self.items[0].channels

    @property
    def rate(self) -> float | None:
        """Samples in a second, Hz, the same in all; None: not known."""
        return self.items[0].rate

    @property
    def subjects(self) -> tuple[str, ...]:
        """Who was recorded; empty where that is not known."""
        return in_order({item.subject for item in self.items if item.subject is not None})

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Recording]:
        return iter(self.items)

    @overload
    def __getitem__(self, index: int) -> Recording: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Recording]: ...

    def __getitem__(self, index: int | slice) -> Recording | Sequence[Recording]:
        return self.items[index]


def in_order(names: set[str]) -> tuple[str, ...]:
    """Names as a person would list them: whole numbers by size, others by the alphabet."""
    if all(name.isdecimal() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def few(names: Sequence[str]) -> str:
    """Up to five names for a sentence."""
    shown = ", ".join(repr(name) for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
