"""Options of a recipe that say what training does to recordings."""

from dataclasses import dataclass

from martlet.arguments import option
from martlet.training.ranges import AT_LEAST_0, AT_MOST_HALF, BELOW_1, DEGREES, SHARE, SHARE_ABOVE_0


@dataclass(frozen=True, kw_only=True)
class RecordingFields:
    """What moves with a device, and what its sensors differ in."""

    half_turns: float = option(
        0.0,
        "Recordings: share of windows whose device is turned by half around an axis.",
        SHARE,
        only="recordings",
    )
    rotation: float = option(
        0.0,
        "Recordings: largest angle by which the device is turned, degrees.",
        DEGREES,
        only="recordings",
    )
    time_warp: float = option(
        None,
        "Recordings: deviation of the speed from 1 (default: 0.2).",
        AT_MOST_HALF,
        only="recordings",
    )
    time_crop: float = option(
        1.0,
        "Recordings: smallest share of a window drawn out to all of it.",
        SHARE_ABOVE_0,
        only="recordings",
    )
    scaling: float = option(
        None,
        "Recordings: deviation of each channel's size from 1 (default: 0.3).",
        AT_LEAST_0,
        only="recordings",
    )
    jitter: float = option(
        None,
        "Recordings: noise, in deviations of a channel (default: 0.2).",
        AT_LEAST_0,
        only="recordings",
    )
    drop_channels: float = option(
        0.0, "Recordings: share of channels left out.", BELOW_1, only="recordings"
    )
