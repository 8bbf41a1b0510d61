"""What training does to a window of samples before the network sees it.

Everything is drawn from torch's generators, in this order: turns of the device, speed and place in
time, each channel's size, noise, channels that are left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import pi
from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from martlet.data.series.preprocess import SeriesPreprocess
from martlet.errors import MartletError

OTHERS = {"x": "yz", "X": "YZ"}  # the axes of a sensor beside its first
KNOTS = 4  # moments of a window between which its speed changes evenly
SLOWEST, FASTEST = 0.5, 2.0


@dataclass(frozen=True)
class WindowAugment:
    """One window (window, channels) of raw samples -> float32 of the same shape.

    mean, std: (channels,), of the training windows; sizes below are in these deviations.
    sensors: channels of the x, y and z of each sensor, (sensors, 3).
    half_turns: share of windows whose device is turned by half around one of its axes.
    rotation: largest angle, degrees, around any axis; one for all sensors of a window.
    time_warp: deviation of the speed from 1, at four moments of a window.
    time_crop: smallest share of a window that is drawn out to all of it.
    scaling: deviation of a factor for each channel, of what it differs from its mean.
    jitter: deviation of noise on each sample.
    drop_channels: share of channels that are left out, which is to say at their mean.
    """

    mean: Tensor
    std: Tensor
    sensors: tuple[tuple[int, int, int], ...]
    half_turns: float
    rotation: float
    time_warp: float
    time_crop: float
    scaling: float
    jitter: float
    drop_channels: float

    def __call__(self, window: NDArray[Any], /) -> Tensor:
        samples = torch.tensor(window, dtype=torch.float32)
        if self.half_turns or self.rotation:
            samples = samples @ self._turn_of_all(self._turn())
        if self.time_warp or self.time_crop < 1:
            samples = at_moments(samples, self._moments(len(samples)))
        if self.scaling or self.jitter or self.drop_channels:
            samples = self._varied(samples)
        return samples

    @cached_property
    def _axes(self) -> Tensor:
        """(3, channels): 1 where a channel is this axis of a sensor."""
        axes = torch.zeros(3, len(self.mean))
        for sensor in self.sensors:
            axes[torch.arange(3), list(sensor)] = 1
        return axes

    @cached_property
    def _together(self) -> Tensor:
        """(channels, channels): 1 where two channels are axes of one sensor."""
        together = torch.zeros(len(self.mean), len(self.mean))
        for sensor in self.sensors:
            together[torch.tensor(sensor)[:, None], list(sensor)] = 1
        return together

    @cached_property
    def _others(self) -> Tensor:
        """(channels, channels): 1 where a channel is no axis of a sensor."""
        return torch.diag(1 - self._axes.sum(0))

    def _turn_of_all(self, turn: Tensor) -> Tensor:
        """(channels, channels), from that of one sensor; other channels stay."""
        return self._axes.T @ (turn @ self._axes) * self._together + self._others

    def _turn(self) -> Tensor:
        """(3, 3): the same for all sensors, which one device carries."""
        turn = torch.eye(3)
        if self.half_turns and torch.rand(()) < self.half_turns:
            signs = -torch.ones(3)
            signs[torch.randint(3, ())] = 1
            turn = turn * signs
        if self.rotation:
            axis = F.normalize(torch.randn(3), dim=0)
            angle = (2 * torch.rand(()) - 1) * (self.rotation * pi / 180)
            turn = turn @ rotated(axis, angle)
        return turn

    def _moments(self, length: int) -> Tensor:
        """(length,): where in the window each sample is taken from, in samples."""
        speeds = torch.ones(KNOTS)
        if self.time_warp:
            speeds = (1 + self.time_warp * torch.randn(KNOTS)).clamp_(SLOWEST, FASTEST)
        if self.time_crop < 1:
            speeds *= self.time_crop + (1 - self.time_crop) * torch.rand(())
        steps = between(length) @ speeds
        moments = steps.cumsum(0) - steps[0]
        return moments + (length - 1 - moments[-1]) * torch.rand(())

    def _varied(self, samples: Tensor) -> Tensor:
        """Of what each channel differs from its mean."""
        factors, noise = torch.ones(len(self.mean)), None
        if self.scaling:
            factors += self.scaling * torch.randn(len(self.mean))
        if self.jitter:
            noise = torch.randn(samples.shape).mul_(self.jitter * self.std)
        if self.drop_channels:
            there = torch.rand(len(self.mean)) >= self.drop_channels
            factors = factors * there
            noise = None if noise is None else noise * there
        varied = torch.addcmul(self.mean, samples - self.mean, factors)
        return varied if noise is None else varied.add_(noise)


@cache
def between(length: int) -> Tensor:
    """(length, KNOTS): what each moment of a window has of the speeds at its KNOTS moments."""
    knots = torch.eye(KNOTS)[None]
    return F.interpolate(knots, length, mode="linear", align_corners=True)[0].T.contiguous()


def rotated(axis: Tensor, angle: Tensor) -> Tensor:
    """(3, 3), by `angle` in radians around the unit vector `axis` (Rodrigues' formula)."""
    x, y, z = axis
    zero = torch.zeros(())
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).view(3, 3)
    return torch.eye(3) + angle.sin() * cross + (1 - angle.cos()) * cross @ cross


def at_moments(samples: Tensor, moments: Tensor) -> Tensor:
    """Samples (window, channels) at moments (window,) between them; ends last on beyond them."""
    moments = moments.clamp(0, len(samples) - 1)
    before = moments.floor().long().clamp(max=max(len(samples) - 2, 0))
    after = (before + 1).clamp(max=len(samples) - 1)
    return torch.lerp(samples[before], samples[after], (moments - before)[:, None])


def sensors_of(channels: Sequence[str]) -> tuple[tuple[int, int, int], ...]:
    """Channels of the x, y and z of each sensor: names that differ in this letter alone."""
    numbers = {name: number for number, name in enumerate(channels)}
    found = []
    for name, number in numbers.items():
        for at, letter in enumerate(name):
            if letter not in OTHERS:
                continue
            y, z = (numbers.get(name[:at] + axis + name[at + 1 :]) for axis in OTHERS[letter])
            if y is not None and z is not None:
                found.append((number, y, z))
    return tuple(found)


def build_augment(
    preprocess: SeriesPreprocess,
    *,
    half_turns: float = 0.0,
    rotation: float = 0.0,
    time_warp: float = 0.0,
    time_crop: float = 1.0,
    scaling: float = 0.0,
    jitter: float = 0.0,
    drop_channels: float = 0.0,
) -> Callable[[NDArray[Any]], Tensor]:
    """As `WindowAugment` says, for the channels of a fitted preprocess.

    Raises MartletError where a device is to be turned, and no channels are a sensor's three axes.
    """
    sensors = sensors_of(preprocess.channels)
    for name, value in (("half_turns", half_turns), ("rotation", rotation)):
        if value and not sensors:
            raise MartletError(
                f"{name}={value} turns sensors with three axes, known by names as acc_x, acc_y, "
                f"acc_z; the channels are {', '.join(preprocess.channels)}: leave it out."
            )
    return WindowAugment(
        torch.tensor(preprocess.mean),
        torch.tensor(preprocess.std),
        sensors,
        half_turns,
        rotation,
        time_warp,
        time_crop,
        scaling,
        jitter,
        drop_channels,
    )
