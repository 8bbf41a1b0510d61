"""Options of `train` for recordings alone."""

from dataclasses import dataclass

from martlet.arguments import option
from martlet.training.ranges import ABOVE_0


@dataclass(frozen=True, kw_only=True)
class SeriesFields:
    """Rate, windows, and columns of tables."""

    rate: float | None = option(
        None,
        "Recordings: samples in a second, Hz; others are resampled.",
        ABOVE_0,
        only="recordings",
    )
    stride: int | str | None = option(
        None,
        "Recordings: from one window to the next, a time or samples (default: half of one).",
        only="recordings",
    )
    layout: str | None = option(
        None, "Recordings: how files lie (default: as recognised).", only="recordings"
    )
    label_column: str | None = option(
        None,
        "Pictures: of a list, the column of labels. Recordings: column of the labels.",
        only=("pictures", "recordings"),
    )
    time_column: str | None = option(
        None, "Recordings: column of time stamps, NAME or NAME:UNIT.", only="recordings"
    )
    max_gap: str | None = option(
        None,
        "Recordings: longest gap that is bridged, a time or samples (default: 0.1s).",
        only="recordings",
    )
