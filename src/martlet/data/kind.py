"""What a kind of data is to the rest: how files become samples, and samples a network's input."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from martlet.data.split import Split

Progress = Callable[[int, int], None]  # (done, in all)
Check = Callable[[Sequence[str]], None]  # (names of the classes); raises MartletError


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


Settings = TypeVar("Settings")


def from_settings(of: type[Settings], values: Mapping[str, Any]) -> Settings:
    """The dataclass `of` that `to_dict` described, with its kind among the values.

    Raises MartletError for settings that this version does not know, and values of other types.
    """
    names = {one.name for one in fields(of)}  # type: ignore[arg-type]
    odd = sorted(set(values) - names - {"kind"})
    if odd:
        raise MartletError(f"preprocess has {', '.join(odd)}, unknown to this version.")
    try:
        return of(**{name: values[name] for name in names & set(values)})
    except (TypeError, ValueError) as error:
        raise MartletError(f"preprocess holds values of another type ({error}).") from error


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


class ToInput(Protocol):
    """A batch of cropped or augmented samples becomes the network's input, on a device.

    A tensor becomes one; other batches, which some networks take, become the like of them.
    """

    @property
    def device(self) -> "torch.device": ...

    def __call__(self, samples: Any, /) -> Any: ...


class Reader(Protocol):
    """Files to samples. Raises MartletError when nothing, or too little, can be read.

    options: of the verb: where labels lie, say; each kind reads its own.
    check: is called before the samples are read, which may take long.
    """

    def __call__(
        self,
        data: Path,
        preprocess: Any,
        *,
        options: Any,
        max_bad: float,
        min_classes: int,
        check: Check | None,
        progress: Progress | None,
    ) -> Samples: ...


@dataclass(frozen=True)
class Kind:
    """Functions of one kind of data; no torch is imported before they are called.

    name: as `input.kind` of the networks that take it.
    data: what is read is called so, in the plural: scenes, say. Options name their kinds by it.
    noun: what its samples are called, in the plural.
    prepare: (options of train, the Preprocess of weights to start from or None, settings known of
        published weights) -> the Preprocess of a new run.
    preprocess: what `to_dict` gave -> the Preprocess.
    read: files -> samples, cached.
    find: what `predict` is given -> the sources of one answer each, for the Preprocess.
    augment: (preprocess, recipe) -> what training does to one cached sample; its outcome has shape
        and type of a cropped one, and follows from torch's generators.
    to_input: (preprocess, device) -> batches to inputs.
    split: (samples, options of train) -> the parts, where content and groups do not decide them.
    usual: (preprocess, recipe as it was asked for) -> fields that such data usually needs, where
        training is not asked otherwise.
    task: what is usually learnt of it: a key of `tasks.TASKS`.
    on_device: (TrainBatches, preprocess, recipe, device) -> a Loader of the same batches, which are
        prepared on the device, where the kind has that.
    fit: (preprocess, samples, numbers of the training samples) -> both with what is learnt from
        these alone. A fitted preprocess stays as it is.
    """

    name: str
    data: str
    noun: str
    prepare: Callable[[Any, Any, Mapping[str, Any]], AnyPreprocess]
    preprocess: Callable[[Mapping[str, Any]], AnyPreprocess]
    read: Reader
    find: Callable[[Sequence[Any]], Sequence[Any]]
    augment: "Callable[[Any, Any], Callable[[NDArray[Any]], Tensor]]"
    to_input: "Callable[[Any, torch.device], ToInput]"
    split: "Callable[[Any, Any], Split] | None" = None
    fit: "Callable[[Any, Any, Sequence[int]], tuple[Any, Any]] | None" = None
    on_device: "Callable[[Any, Any, Any, torch.device], Any] | None" = None
    task: str = "classification"
    usual: Callable[[Any, Any], Mapping[str, Any]] = lambda preprocess, recipe: {}
