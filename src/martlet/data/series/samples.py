"""Windows of recordings as samples: views, with what splitting and scoring ask of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from martlet.data.series.preprocess import LARGEST_NUMBER, SeriesPreprocess
from martlet.data.series.recording import few
from martlet.data.series.windows import Windows
from martlet.errors import MartletError

SMALLEST = 1 / LARGEST_NUMBER  # a deviation that float32 can be divided by
FLAT = 1e-6  # of a channel's mean: a deviation below it is float32's rounding


@dataclass(frozen=True, eq=False)
class SeriesSamples:
    """Windows of one activity each, aligned with their numbers.

    classes: names of those that have a window. labels: index in `classes` of each.
    digests: hash of each one's samples.
    groups: of each the subject, or the recording where nobody is known: one part alone may hold it.
    preprocess: what of it the files decide; fitted after `fit`.
    odd: sentences about what was not used.
    """

    windows: Windows
    classes: tuple[str, ...]
    labels: Sequence[int]
    digests: Sequence[str]
    groups: Sequence[str]
    parts: Sequence[str | None]
    names: Sequence[str]
    preprocess: SeriesPreprocess
    odd: Sequence[str]

    @property
    def root(self) -> Path:
        """Where the recordings lie."""
        return self.windows.recordings.root

    @property
    def by_subject(self) -> bool:
        """Whether subjects are known of all windows."""
        return None not in self.windows.subjects

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int, /) -> NDArray[np.float32]:
        """float32 (window, channels), a view of the recording: not to be written to."""
        return self.windows[index]

    def fit(self, preprocess: SeriesPreprocess, training: Sequence[int]) -> "SeriesSamples":
        """The same with mean and deviation of these training windows; fitted ones are kept."""
        mean, std, odd = preprocess.mean, preprocess.std, tuple(self.odd)
        if not preprocess.fitted:
            mean, std, flat = self._moments(training)
            if flat:
                odd = (*odd, f"Channels that are constant in the training part: {few(flat)}.")
        return replace(self, preprocess=replace(self.preprocess, mean=mean, std=std), odd=odd)

    def _moments(
        self, training: Sequence[int]
    ) -> tuple[tuple[float, ...], tuple[float, ...], list[str]]:
        """Mean and deviation of each channel, and names of those that do not change.

        Over the samples that a training window holds, each once, however many windows hold it.
        """
        windows = self.windows
        held: dict[int, NDArray[np.bool_]] = {}
        for index in training:
            number, start = int(windows.recording[index]), int(windows.starts[index])
            mask = held.setdefault(number, np.zeros(len(windows.recordings[number]), bool))
            mask[start : start + windows.window] = True
        count = sum(int(mask.sum()) for mask in held.values())
        chosen = [(windows.recordings[number].values, mask) for number, mask in held.items()]
        mean = sum(values[mask].sum(0, np.float64) for values, mask in chosen) / count
        squares = sum(((values[mask] - mean) ** 2).sum(0) for values, mask in chosen)
        std = np.sqrt(squares / count)
        largest = np.maximum(np.abs(mean), std)
        if not (largest <= LARGEST_NUMBER).all():
            channel = self.preprocess.channels[int(np.argmin(largest <= LARGEST_NUMBER))]
            raise MartletError(
                f"channel {channel!r} has a mean or a deviation above {LARGEST_NUMBER:g}, which no "
                "sensor has; look at its values, or choose others by channels."
            )
        flat = (std <= FLAT * np.abs(mean)) | (std < SMALLEST)
        std[flat] = 1.0
        names = [self.preprocess.channels[i] for i in np.flatnonzero(flat)]
        return tuple(mean.tolist()), tuple(std.tolist()), names


def samples_of(
    windows: Windows, preprocess: SeriesPreprocess, min_classes: int = 2
) -> SeriesSamples:
    """The samples of labelled windows. Raises MartletError for fewer than `min_classes` classes."""
    recordings = windows.recordings
    there = sorted(set(windows.labels.tolist()))
    if len(there) < min_classes:
        named = few([recordings.classes[number] for number in there])
        raise MartletError(
            f"{str(recordings.root)!r} has windows of {len(there)} class alone, {named}; give "
            f"recordings of {min_classes} or more."
        )
    place = {number: index for index, number in enumerate(there)}
    return SeriesSamples(
        windows=windows,
        classes=tuple(recordings.classes[number] for number in there),
        labels=[place[label] for label in windows.labels.tolist()],
        digests=[hashlib.sha256(windows[i].tobytes()).hexdigest() for i in range(len(windows))],
        groups=windows.groups,
        parts=windows.parts,
        names=windows.names,
        preprocess=preprocess,
        odd=(*recordings.told, *recordings.odd, *windows.odd),
    )
