"""Files of sensor recordings -> recordings, in whatever known layout they lie."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path

import numpy as np

from martlet.data.series.assemble import (
    check_ratio,
    own_rates,
    recordings_of,
    same_channels,
    sentences,
)
from martlet.data.series.duration import parse_duration
from martlet.data.series.gaps import Missing
from martlet.data.series.known_layouts import find, recognise
from martlet.data.series.layout import Columns, Layout, Track, list_files
from martlet.data.series.recording import NOTHING, Recording, Recordings, few, in_order
from martlet.data.series.timing import ACCEPTED_RATES, Stamps
from martlet.errors import MartletError

__all__ = ["Recording", "Recordings", "read_recordings"]

MAX_GAP = "0.1s"


def read_recordings(
    data: str | Path,
    *,
    layout: str | None = None,
    rate: float | None = None,
    channels: Sequence[str] | None = None,
    label_column: str | None = None,
    group_by: str | None = None,
    time_column: str | None = None,
    max_gap: str | float = MAX_GAP,
    of_network: bool = False,
    labelled: bool = True,
) -> Recordings:
    """Read all recordings of a file or folder.

    layout: a key of `known_layouts.LAYOUTS`; by default it is recognised, and said in `told`.
    rate: Hz. Where files say a rate they are resampled to it, else it is the one they have.
    channels: names, or patterns such as "hand_*", of those to keep; by default all.
    label_column, group_by: columns of tables that hold the label and the subject of each row.
    time_column: column of time stamps, "NAME" or "NAME:UNIT" with a unit of s, ms, us, ns.
    max_gap: gaps up to here are interpolated, longer ones cut a recording: "0.1s", or samples.
    of_network: `channels` are those that a network takes, no patterns.
    labelled: whether labels are needed; else columns of them are used where there are such.

    Raises MartletError for what cannot be read, lacks a channel, has several rates and no `rate`
    asked for, or has one subject in two given parts.
    """
    if rate is not None and not (isfinite(rate) and ACCEPTED_RATES[0] <= rate <= ACCEPTED_RATES[1]):
        raise MartletError(f"rate={rate} is not accepted; give a number of Hz above 0.")
    rate = None if rate is None else float(rate)
    if isinstance(channels, str):
        channels = [channels]
    gap = parse_duration("max_gap", max_gap)
    columns = Columns(
        None if channels is None else tuple(channels),
        label_column,
        group_by,
        time_column,
        of_network,
        labelled,
    )
    files = list_files(data)
    chosen = recognise(files, columns) if layout is None else find(layout)
    found = chosen.read(files, columns)
    tracks = _whole(same_channels(found.tracks, columns))
    _check_subjects(tracks)
    own = own_rates(tracks, rate)
    resampled = check_ratio(own, rate)
    classes = _classes(tracks)
    index = {name: number for number, name in enumerate(classes)}
    missing, stamps = Missing(), Stamps()
    items: list[Recording] = []
    for track, hz in zip(tracks, own, strict=True):
        items += recordings_of(track, hz, rate, gap, index, missing, stamps)
    if not items:
        raise MartletError(
            f"nothing is left of {files.given!r} between gaps of more than max_gap={gap.text!r}, "
            f"most of them in channels {few(missing.most_cut())}; choose others by channels, or "
            "allow longer gaps."
        )
    told = [_what(chosen, tracks, classes, items[0]), *found.told, *resampled]
    odd = [*found.odd, *sentences(missing, stamps, gap), *_unlabelled(items)]
    return Recordings(files.root, chosen.name, classes, tuple(items), tuple(told), tuple(odd))


def _whole(tracks: list[Track]) -> list[Track]:
    """Tracks of one part alone are given no part: the split decides."""
    if len({track.part for track in tracks}) > 1:
        return tracks
    return [replace(track, part=None) for track in tracks]


def _check_subjects(tracks: Sequence[Track]) -> None:
    first: dict[str, Track] = {}
    for track in tracks:
        if track.subject is None or track.part is None:
            continue
        other = first.setdefault(track.subject, track)
        if other.part != track.part:
            raise MartletError(
                f"subject {track.subject!r} is in two given parts, {other.part} ({other.name!r}) "
                f"and {track.part} ({track.name!r}); move it into one, or give one folder without "
                "parts, which is split by subject."
            )


def _classes(tracks: Sequence[Track]) -> tuple[str, ...]:
    """Names of all labels that a recording or a sample has."""
    names = {track.label for track in tracks if track.label is not None}
    for track in tracks:
        if track.codes is not None:
            used = np.unique(track.codes)
            names |= {track.names[int(code)] for code in used if code != NOTHING}
    return in_order(names)


def _what(layout: Layout, tracks: Sequence[Track], classes: Sequence[str], item: Recording) -> str:
    subjects = {track.subject for track in tracks if track.subject is not None}
    people = f" by {len(subjects)} subjects" if subjects else ""
    rate = "at a rate that is not known" if item.rate is None else f"at {item.rate:g} Hz"
    alone = "" if subjects else " Nothing says who was recorded: each is a group of its own."
    return (
        f"Read as {layout.what} (layout {layout.name}): {len(tracks):,} recordings of "
        f"{len(classes)} classes{people}, {len(item.channels)} channels {rate}.{alone}"
    )


def _unlabelled(items: Sequence[Recording]) -> list[str]:
    """Sentences about samples and recordings without a label."""
    told = []
    bare = [item.name for item in items if item.label is None and item.labels is None]
    if bare:
        told.append(f"Recordings without a label: {len(bare)}: {few(bare)}.")
    nothing = sum(int((i.labels == NOTHING).sum()) for i in items if i.labels is not None)
    if nothing:
        of = sum(len(item) for item in items if item.labels is not None)
        told.append(f"Samples without a label, in no window: {nothing:,} of {of:,}.")
    return told
