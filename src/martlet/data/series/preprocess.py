"""A window of a recording becomes a network's input: its channels, their rate and scale."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.kind import from_settings
from martlet.errors import MartletError

LARGEST_NUMBER = 1e30  # of mean and std: float32 holds it
OF_FILES = ("layout", "label_column", "group_by", "time_column", "max_gap")  # how they are read


@dataclass(frozen=True)
class SeriesPreprocess:
    """How a window of samples becomes float32 numbers (1, window, channels).

    channels: their names, in the order that the network takes them; empty before the fit.
    rate: samples in a second, Hz; None where nothing says it.
    window, stride: length of a window, and from one window's start to the next one's, samples.
    layout, label_column, group_by, time_column, max_gap: as asked when files are read; None: as
        recognised.
    mean, std: per channel, of the samples that training windows hold; empty before the fit.

    Raises MartletError for a value that is not accepted.
    """

    channels: tuple[str, ...] = ()
    rate: float | None = None
    window: int = 0
    stride: int = 0
    layout: str | None = None
    label_column: str | None = None
    group_by: str | None = None
    time_column: str | None = None
    max_gap: str | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(map(str, self.channels)))
        for name in ("window", "stride"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise MartletError(f"{name}={value!r} is not accepted; give a number of samples.")
        for name in ("mean", "std"):
            values = tuple(map(float, getattr(self, name)))
            object.__setattr__(self, name, values)
            if len(values) not in (0, len(self.channels)):
                raise MartletError(
                    f"{name} of {len(values)} numbers does not fit {len(self.channels)} channels."
                )
            if not all(abs(value) <= LARGEST_NUMBER for value in values):  # not for NaN
                raise MartletError(f"{name} holds numbers that are too large, infinite or NaN.")
        if len(self.mean) != len(self.std) or min(self.std, default=1.0) <= 0:
            raise MartletError(f"std={self.std} has to be above 0 for every channel.")
        if self.fitted and not (self.window and self.stride and self.channels):
            raise MartletError("preprocess has a mean, but no window, stride or channels.")

    @property
    def kind(self) -> str:
        """Of data: the key of `kinds.KINDS`."""
        return "series"

    @property
    def fitted(self) -> bool:
        """Whether it is known what the network takes."""
        return bool(self.mean)

    @property
    def in_chans(self) -> int:
        """The channels; 0 before they are read."""
        return len(self.channels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one input of the network: (1, window, channels)."""
        return 1, self.window, len(self.channels)

    def __call__(self, window: Any, /) -> NDArray[np.float32]:
        """Samples (window, channels) of any numbers -> float32 (1, window, channels)."""
        if not isinstance(window, np.ndarray):
            raise MartletError(
                f"{window!r} is no window of samples; give an array ({self.window}, "
                f"{self.in_chans}), or recordings to `martlet predict`."
            )
        if window.shape != self.shape[1:] or window.dtype.kind not in "iuf":
            raise MartletError(
                f"a window of shape {window.shape} and type {window.dtype} does not fit; give "
                f"numbers ({self.window}, {self.in_chans}): samples of {', '.join(self.channels)}."
            )
        return self.normalise(window.astype(np.float32))

    def crop(self, sample: NDArray[Any], /) -> NDArray[Any]:
        """A window, as it is."""
        return sample

    def normalise(self, samples: NDArray[Any], /) -> NDArray[np.float32]:
        """(..., window, channels) -> float32 (..., 1, window, channels): (x - mean) · 1 / std."""
        values: NDArray[np.float32] = np.array(samples, np.float32)
        values -= np.asarray(self.mean, np.float32)
        values *= self.scale
        return values[..., None, :, :]

    @property
    def scale(self) -> NDArray[np.float32]:
        """float32 (channels,): 1 / std."""
        return np.array([1 / std for std in self.std], np.float32)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; `from_dict` is the way back."""
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SeriesPreprocess":
        """Raises MartletError for settings that this version does not know, or odd ones."""
        return from_settings(cls, values)
