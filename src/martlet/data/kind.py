"""What a kind of data is to the rest: how files become samples, and samples a network's input."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class AnyPreprocess(Protocol):
    """How one sample becomes a network's input; every use of a network carries the same object.

    Plain values, so that a checkpoint and an exported file can hold it; no torch.
    """

    @property
    def kind(self) -> str:
        """Which kind of data it prepares: a key of `kinds.KINDS`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input, without the batch."""

    @property
    def in_chans(self) -> int:
        """Channels, bands or sensors: what `create_model` calls so."""

    def __call__(self, source: Any, /) -> NDArray[np.float32]:
        """One of the sources that `Kind.find` lists -> the input, of `shape`."""

    def crop(self, sample: NDArray[Any], /) -> NDArray[Any]:
        """The part of a cached sample that evaluation sees."""

    def normalise(self, samples: NDArray[Any], /) -> NDArray[np.float32]:
        """One cropped sample, or a batch of them (N, ...) -> the input, or (N, *shape)."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; `Kind.preprocess` is the way back."""


class Samples(Protocol):
    """The readable samples of some files; everything is aligned with their numbers."""

    @property
    def root(self) -> Path:
        """Where they were found."""

    @property
    def names(self) -> Sequence[str]:
        """Each one's path below `root`, or another name that a person finds it by."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels; one for all where there are no classes."""

    @property
    def labels(self) -> Sequence[int]:
        """Each one's class."""

    @property
    def parts(self) -> Sequence[str | None]:
        """The part that each was given; None where the split decides."""

    @property
    def digests(self) -> Sequence[str]:
        """Hash of each one's content."""

    @property
    def groups(self) -> Sequence[str] | None:
        """Region, subject or recording of each, which one part alone may hold; None: content."""

    @property
    def odd(self) -> Sequence[str]:
        """Sentences about what was not used."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NDArray[Any]: ...
