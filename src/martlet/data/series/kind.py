"""Sensor recordings as a kind of data: windows of one activity each, split by subject first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from martlet.data.kind import Check, Kind, Progress
from martlet.data.series.duration import parse_duration
from martlet.data.series.preprocess import OF_FILES, SeriesPreprocess
from martlet.data.series.read import MAX_GAP, read_recordings
from martlet.data.series.recording import Recordings
from martlet.data.series.samples import SeriesSamples, samples_of
from martlet.data.series.split import split
from martlet.data.series.windows import cut_windows
from martlet.errors import MartletError

USUAL = {"time_warp": 0.2, "scaling": 0.3, "jitter": 0.2}  # docs/series.md, "Augmentation"

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from martlet.data.series.to_input import ToInput


class SeriesOptions(Protocol):
    """What of the options is about recordings; None: not asked for."""

    @property
    def window(self) -> int | str | None: ...
    @property
    def stride(self) -> int | str | None: ...
    @property
    def rate(self) -> float | None: ...
    @property
    def channels(self) -> str | Sequence[str] | None: ...
    @property
    def layout(self) -> str | None: ...
    @property
    def label_column(self) -> str | None: ...
    @property
    def group_by(self) -> str | None: ...
    @property
    def time_column(self) -> str | None: ...
    @property
    def max_gap(self) -> str | None: ...


def prepare(options: SeriesOptions, before: Any, known: Mapping[str, Any]) -> SeriesPreprocess:
    """The Preprocess of a new run, not fitted; that of weights keeps its scale."""
    for name in ("window", "stride", "max_gap"):
        value = getattr(options, name)
        if value is not None:
            parse_duration(name, value)
    asked = {name: getattr(options, name) for name in OF_FILES}
    made = before if isinstance(before, SeriesPreprocess) else SeriesPreprocess()
    return replace(made, **{name: value for name, value in asked.items() if value is not None})


def read(
    data: Path,
    preprocess: SeriesPreprocess,
    *,
    options: SeriesOptions | None = None,
    max_bad: float,
    min_classes: int,
    check: Check | None = None,
    progress: Progress | None,
) -> SeriesSamples:
    """The labelled windows below `data`; what is not asked for is as the preprocess has it."""
    recordings = recordings_for(data, preprocess, options)
    if check is not None:
        check(recordings.classes)
    window, stride = lengths(recordings, preprocess, options)
    windows = cut_windows(recordings, window=window, stride=stride)
    found = replace(
        preprocess,
        channels=recordings.channels,
        rate=recordings.rate,
        window=windows.window,
        stride=windows.stride,
        mean=(),
        std=(),
    )
    return samples_of(windows, found, min_classes)


def recordings_for(
    data: str | Path,
    preprocess: SeriesPreprocess,
    options: SeriesOptions | None = None,
    *,
    labelled: bool = True,
) -> Recordings:
    """Recordings with the channels, and at the rate, that are asked for, or else as it knows.

    labelled: whether labels are needed.
    Raises MartletError for channels that the network does not take.
    """
    rate = options.rate if options is not None and options.rate is not None else preprocess.rate
    channels = names_of(None if options is None else options.channels)
    if channels is None and preprocess.channels:
        channels = preprocess.channels
    of_files = {name: getattr(preprocess, name) for name in OF_FILES}
    of_files["max_gap"] = of_files["max_gap"] or MAX_GAP
    recordings = read_recordings(
        data,
        rate=rate,
        channels=channels,
        of_network=preprocess.fitted and channels == preprocess.channels,
        labelled=labelled,
        **of_files,
    )
    if preprocess.fitted and recordings.channels != preprocess.channels:
        raise MartletError(
            f"the network takes the channels {', '.join(preprocess.channels)}, in this order; "
            f"channels asks for {', '.join(recordings.channels)}: leave it out, or train without "
            "weights."
        )
    return recordings


def names_of(channels: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Names or patterns of channels, from a text with commas between them."""
    if channels is None:
        return None
    listed = channels.split(",") if isinstance(channels, str) else channels
    names = tuple(name.strip() for name in listed if name.strip())
    if not names:
        raise MartletError(
            f"channels={channels!r} names none; give names or patterns with commas between them."
        )
    return names


def lengths(
    recordings: Recordings, preprocess: SeriesPreprocess, options: SeriesOptions | None
) -> tuple[int | str, int | str | None]:
    """Window and stride, as asked; recordings that are all of one length are windows themselves.

    Raises MartletError where no window is given and recordings differ in length.
    """
    window = None if options is None else options.window
    stride = None if options is None else options.stride
    if window is None and preprocess.window:
        return preprocess.window, preprocess.stride if stride is None else stride
    if window is not None:
        return window, stride
    sizes = {len(item) for item in recordings}
    whole = all(item.labels is None for item in recordings)
    if len(sizes) > 1 or not whole:
        long = f"{min(sizes)} to {max(sizes)}" if len(sizes) > 1 else f"{min(sizes)} labelled"
        raise MartletError(
            f"recordings of {long} samples are cut into windows; give the "
            "length of one as window: a time such as '2.56s', or a number of samples."
        )
    return sizes.pop(), stride


def fit(
    preprocess: SeriesPreprocess, samples: SeriesSamples, training: Sequence[int]
) -> tuple[SeriesPreprocess, SeriesSamples]:
    """Mean and deviation of each channel of the training windows; fitted ones are kept."""
    made = samples.fit(preprocess, training)
    return made.preprocess, made


def augment(preprocess: SeriesPreprocess, recipe: Any) -> "Callable[[NDArray[Any]], Tensor]":
    """What the recipe says, on one window (window, channels)."""
    from martlet.data.series.augment import build_augment

    return build_augment(
        preprocess,
        half_turns=recipe.half_turns,
        rotation=recipe.rotation,
        time_warp=recipe.time_warp,
        time_crop=recipe.time_crop,
        scaling=recipe.scaling,
        jitter=recipe.jitter,
        drop_channels=recipe.drop_channels,
    )


def to_input(preprocess: SeriesPreprocess, device: "torch.device") -> "ToInput":
    """Batches of windows to inputs."""
    from martlet.data.series.to_input import ToInput

    return ToInput(preprocess, device)


SERIES = Kind(
    name="series",
    data="recordings",
    noun="windows",
    prepare=prepare,
    preprocess=SeriesPreprocess.from_dict,
    read=read,
    find=list,
    augment=augment,
    to_input=to_input,
    split=split,
    fit=fit,
    usual=lambda preprocess, recipe: USUAL,
)
