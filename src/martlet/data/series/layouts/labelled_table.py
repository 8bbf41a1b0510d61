"""Tables with a column of labels, and perhaps one of subjects: one for all, or one a recording."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from martlet.data.series.layout import Columns, Files, Found, Layout, Track
from martlet.data.series.layouts.folders import SUBJECT_FILE, paths
from martlet.data.series.recording import few
from martlet.data.series.sheet import GROUPS, LABELS, Sheet, read_sheet
from martlet.data.series.tables import TABLES, Counts, read_frame
from martlet.errors import MartletError

_USES = {"label_column": "labels", "group_by": "subjects"}


def _read(files: Files, columns: Columns) -> Found:
    names = files.ending(*TABLES)
    if not names:
        raise MartletError(f"{files.given!r} holds no table ({', '.join(TABLES)}).")
    counts = Counts(columns.labelled)
    tracks: list[Track] = []
    parts = paths(files)
    used: dict[str, None] = {}
    unlabelled = ""
    unclear: list[str] | None = None if columns.labelled else []
    for name in names:
        frame = read_frame(files.path(name), name, counts)
        here = replace(
            columns,
            label=_meant(frame, columns.label, LABELS, name, "label_column", unclear),
            group=_meant(frame, columns.group, GROUPS, name, "group_by", unclear),
        )
        sheet = read_sheet(frame, name, here, counts)
        if here.label is None:
            unlabelled = unlabelled or f"{name!r} has none of {few(list(frame.columns))}"
        used[_told(here)] = None
        tracks += _tracks(name, sheet, _subject(name), parts[name][0])
    told = [*used, *(f"Time stamps: column {unit}." for unit in counts.units)]
    odd = counts.sentences()
    odd += unclear or []
    if unlabelled and columns.labelled:
        odd.append(f"Tables without a column of labels: {unlabelled}; name one by label_column.")
    return Found(tracks, told, odd)


def _meant(
    frame: Any,
    asked: str | None,
    names: tuple[str, ...],
    where: str,
    option: str,
    unclear: list[str] | None,
) -> str | None:
    """The column that is asked for, or the one with such a name.

    unclear: takes a sentence where there are several, and none is used; MartletError without it.
    """
    if asked is not None and (unclear is None or asked in frame.columns):
        return asked
    found = [column for column in frame.columns if column.lower() in names]
    if len(found) > 1:
        several = f"{where!r} has several columns that could be meant, {few(found)}; "
        if unclear is None:
            raise MartletError(f"{several}name one by {option}.")
        unclear.append(f"{several}none is used as {_USES[option]}.")
        return None
    return found[0] if found else None


def _told(columns: Columns) -> str:
    label = f"labels in column {columns.label!r}" if columns.label else "no labels"
    if columns.group:
        return f"Tables with {label}, subjects in column {columns.group!r}."
    return f"Tables with {label}."


def _subject(name: str) -> str | None:
    """Of a path with a part such as "subject3"."""
    found = [part for part in name.rpartition(".")[0].split("/") if SUBJECT_FILE.fullmatch(part)]
    return found[-1] if found else None


def _tracks(name: str, sheet: Sheet, subject: str | None, part: str | None) -> list[Track]:
    """One for each run of rows of one group; runs of one group are numbered."""
    codes, names = sheet.labels if sheet.labels is not None else (None, ())
    whole = Track(
        name=name,
        values=sheet.values,
        channels=sheet.channels,
        codes=codes,
        names=names,
        subject=subject,
        part=part,
        times=sheet.times,
    )
    if sheet.groups is None:
        return [whole]
    groups, people = sheet.groups
    bounds = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(groups)]
    seen: dict[int, int] = {}
    made = []
    for first, stop in pairwise(bounds):
        group = int(groups[first])
        if group < 0:
            raise MartletError(
                f"{name!r}: the cell of the subject is empty in row {first + 1}; fill it."
            )
        seen[group] = seen.get(group, 0) + 1
        again = f" #{seen[group]}" if seen[group] > 1 else ""
        made.append(
            replace(
                whole,
                name=f"{name} {people[group]}{again}",
                values=sheet.values[first:stop],
                codes=None if codes is None else codes[first:stop],
                times=None if sheet.times is None else sheet.times[first:stop],
                subject=people[group],
            )
        )
    return made


def _recognises(files: Files) -> bool:
    return bool(files.ending(*TABLES)) and all(len(path) == 1 for _, path in paths(files).values())


LABELLED_TABLE = Layout(
    name="table",
    what="tables with columns for labels and subjects",
    recognises=_recognises,
    read=_read,
)
