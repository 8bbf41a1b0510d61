"""Tracks, as files hold them, become recordings: one set of channels, one rate, nothing missing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from martlet.data.series.duration import Duration
from martlet.data.series.gaps import Missing, bridge, check_channels, usual_intervals
from martlet.data.series.layout import Columns, Track
from martlet.data.series.recording import Recording, few
from martlet.data.series.timing import (
    ACCEPTED_RATES,
    Stamps,
    at_odds,
    cut_by_time,
    even,
    own_rate,
    ratio,
    resample,
    same_rate,
)
from martlet.errors import MartletError

Piece = tuple[int, int, NDArray[np.float32], NDArray[np.int32] | None]  # first and last row + 1


def same_channels(tracks: Sequence[Track], columns: Columns) -> list[Track]:
    """Tracks with the asked channels alone, all in the order of the first track.

    Raises MartletError, with the file's name, where one lacks a channel, or has no value of it.
    """
    first = tracks[0]
    names = [first.channels[i] for i in columns.chosen(first.channels, first.name)]
    every = {name for track in tracks for name in track.channels}
    if columns.channels is None and len(every) > len(names):
        extra = sorted(every - set(names))[0]
        _raise_missing(extra, first.name, names)
    made = []
    for track in tracks:
        place = {name: index for index, name in enumerate(track.channels)}
        absent = [name for name in names if name not in place]
        if absent and columns.of_network:
            columns.chosen(track.channels, track.name)
        if absent:
            _raise_missing(absent[0], track.name, list(track.channels))
        order = [place[name] for name in names]
        values = track.values
        if order != list(range(len(track.channels))):
            values = values[:, order]
        check_channels(values, tuple(names), track.name)
        made.append(replace(track, values=values, channels=tuple(names)))
    return made


def _raise_missing(channel: str, where: str, there: Sequence[str]) -> None:
    raise MartletError(
        f"{where!r}: channel {channel!r} is missing, which other recordings have (there: "
        f"{few(there)}); choose others by channels, or leave the file out."
    )


def own_rates(tracks: Sequence[Track], rate: float | None) -> list[float | None]:
    """The rate of each track: its set's, or by its time stamps, or what was asked, Hz.

    Raises MartletError where they differ and no `rate` is asked for.
    """
    found = [
        track.rate or (own_rate(track.times) if track.times is not None else None)
        for track in tracks
    ]
    named = [(track.name, own) for track, own in zip(tracks, found, strict=True)]
    for name, own in named:
        if own is not None and not ACCEPTED_RATES[0] <= own <= ACCEPTED_RATES[1]:
            raise MartletError(
                f"{name!r}: its time stamps are those of {own:g} Hz, which no sensor has; name "
                "their unit by time_column='NAME:UNIT'."
            )
    # One sample alone has no rate, and cannot be at odds with others.
    odd = at_odds(
        [pair for pair, track in zip(named, tracks, strict=True) if len(track.values) > 1]
    )
    if odd is not None:
        of = dict(named)
        unknown = [name for name in odd if of[name] is None]
        if unknown:
            raise MartletError(
                f"{odd[0]!r} and {odd[1]!r} differ: nothing says the rate of {unknown[0]!r}; give "
                "recordings that all have time stamps, or none of them."
            )
        if rate is None:
            raise MartletError(
                f"recordings differ in rate: {odd[0]!r} has {of[odd[0]]:g} Hz and {odd[1]!r} "
                f"{of[odd[1]]:g} Hz; give rate, in Hz, and all are resampled to it."
            )
    known = [own for own in found if own is not None]
    if not known:
        return [rate] * len(tracks)
    common = rate or Counter(known).most_common(1)[0][0]
    return [common if own is None or same_rate(own, common) else own for own in found]


def recordings_of(
    track: Track,
    own: float | None,
    wanted: float | None,
    max_gap: Duration,
    index: dict[str, int],
    missing: Missing,
    stamps: Stamps,
) -> list[Recording]:
    """The pieces of a track between long gaps, at `wanted` Hz, in the order of time.

    own: its own rate. index: of each class's name. missing, stamps: are counted up.
    """
    pieces = _pieces(track, own, max_gap, missing, stamps)
    codes = np.array([*(index[name] for name in track.names), -1], np.int32)
    rate = own if wanted is None else wanted
    made = []
    for first, stop, piece, kinds in pieces:
        values, labels = piece, kinds if kinds is None else codes[kinds]
        if own is not None and rate is not None and not same_rate(own, rate):
            values, labels = resample(values, labels, own, rate)
        whole = len(pieces) == 1 and stop - first == len(track.values)
        made.append(
            Recording(
                name=track.name if whole else f"{track.name}[{first}:{stop}]",
                values=values,
                channels=track.channels,
                source=track.name,
                label=None if track.label is None else index[track.label],
                labels=labels,
                subject=track.subject,
                part=track.part,
                rate=rate,
            )
        )
    return made


def _pieces(
    track: Track, own: float | None, max_gap: Duration, missing: Missing, stamps: Stamps
) -> list[Piece]:
    """Rows between long gaps, evenly sampled, with what they hold."""
    values, times = track.values, track.times
    if times is not None and (own is None or len(times) < 2):
        times = None
    complete = bool(np.isfinite(values).all())
    if complete and times is None:
        return [(0, len(values), values, track.codes)]
    longest = max_gap.samples(own)
    every = usual_intervals(values, track.channels, missing)
    if times is None:
        stretches = [np.arange(len(values))]
    else:
        assert own is not None
        stretches = cut_by_time(times, own, longest, stamps)
    made: list[Piece] = []
    for rows in stretches:
        after = None if times is None else times[rows]
        filled, bounds = bridge(values[rows], track.channels, every, longest, missing, after)
        for start, stop in bounds:
            part = filled[start:stop]
            codes = None if track.codes is None else track.codes[rows[start:stop]]
            if after is not None and own is not None:
                part, codes = even(part, codes, after[start:stop], own, stamps)
            made.append((int(rows[start]), int(rows[stop - 1]) + 1, part, codes))
    return made


def sentences(missing: Missing, stamps: Stamps, max_gap: Duration) -> list[str]:
    """What was counted while recordings were made."""
    told = []
    for name, every in sorted(missing.slow.items()):
        told.append(
            f"Channel {name!r} has a value in one row of {every} or so, as a slower sensor's; "
            "lines between them fill the rest."
        )
    if missing.values:
        told.append(
            f"Missing values: {missing.values:,}; {missing.bridged:,} of them, in gaps of up to "
            f"{_words(max_gap)}, lie on the line between their neighbours."
        )
    if missing.cut:
        told.append(
            f"Rows lost in longer gaps, which cut recordings: {missing.cut:,}; most gaps are in "
            f"{few(missing.most_cut())}."
        )
    if stamps.jumps or stamps.back:
        told.append(
            f"Places where recordings are cut by their time stamps: {stamps.jumps:,} gaps of more "
            f"than {_words(max_gap)}, {stamps.back:,} steps back in time."
        )
    if stamps.repeated:
        told.append(f"Rows with the time stamp of the row before, left out: {stamps.repeated:,}.")
    if stamps.uneven:
        told.append(
            f"Stretches of uneven time stamps, interpolated to even distances: {stamps.uneven:,}."
        )
    return told


def _words(gap: Duration) -> str:
    return gap.text if gap.seconds is not None else f"{gap.text} samples"


def check_ratio(own: Sequence[float | None], wanted: float | None) -> list[str]:
    """A sentence for each rate that is resampled from. Raises MartletError for one too far off."""
    told = []
    if wanted is not None:
        for rate in sorted({rate for rate in own if rate is not None}):
            if not same_rate(rate, wanted):
                up, down = ratio(rate, wanted)
                told.append(
                    f"Recordings of {rate:g} Hz are resampled to {wanted:g} Hz ({up}:{down})."
                )
    return told
