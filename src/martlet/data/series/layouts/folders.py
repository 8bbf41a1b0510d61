"""Tables in folders of activities and subjects."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from martlet.data.class_names import one_form
from martlet.data.series.layout import PARTS, Columns, Files, Found, Layout, Track
from martlet.data.series.recording import few
from martlet.data.series.sheet import read_sheet
from martlet.data.series.tables import TABLES, Counts, read_frame
from martlet.errors import MartletError

_WORD = "sub(?:j(?:ect)?)?|user|person|participant|volunteer"
# A folder may be called by a letter or number alone; a file's "s01" may as well be a segment.
SUBJECT_FOLDER = re.compile(rf"(?:{_WORD}|s|p|u|id)?[-_ ]?\d+", re.IGNORECASE)
SUBJECT_FILE = re.compile(rf"(?:{_WORD})[-_ ]?\d+", re.IGNORECASE)
_TRIAL = re.compile(r"(.+)[-_ ]\d+")

# What the parts of a path below the root are; the last one is the file's name without its suffix.
ROLES: dict[str, tuple[str, ...]] = {
    "activity_trial/subject": ("activity_trial", "subject"),
    "activity/subject": ("activity", "subject"),
    "subject/activity": ("subject", "activity_trial"),
    "activity/file": ("activity", "file"),
    "subject/activity/file": ("subject", "activity", "file"),
    "activity/subject/file": ("activity", "subject", "file"),
}


def paths(files: Files) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    """Each table's given part, and the parts of its path; what all paths start with is left out."""
    found = {name: tuple(name.rpartition(".")[0].split("/")) for name in files.ending(*TABLES)}
    while found and len({path[0] for path in found.values()}) == 1:
        first = next(iter(found.values()))[0]
        if SUBJECT_FOLDER.fullmatch(first) or any(len(path) <= 2 for path in found.values()):
            break  # one subject, or one class, is no folder around everything
        found = {name: path[1:] for name, path in found.items()}
    if found and all(len(path) > 1 and path[0].lower() in PARTS for path in found.values()):
        return {name: (PARTS[path[0].lower()], path[1:]) for name, path in found.items()}
    return {name: (None, path) for name, path in found.items()}


def _recognises(roles: Sequence[str], files: Files) -> bool:
    ways = [path for _, path in paths(files).values()]
    if not ways or any(len(path) != len(roles) for path in ways):
        return False
    for place, role in enumerate(roles):
        names = {path[place] for path in ways}
        last = place == len(roles) - 1
        subjects = all((SUBJECT_FILE if last else SUBJECT_FOLDER).fullmatch(n) for n in names)
        trials = all(_TRIAL.fullmatch(name) for name in names)
        fits = {
            "subject": subjects,
            "activity": not subjects,
            "activity_trial": not subjects and (last or trials),
            "file": True,
        }
        if not fits[role]:
            return False
    return True


def _read(roles: Sequence[str], files: Files, columns: Columns) -> Found:
    counts = Counts(columns.labelled)
    tracks = []
    ways = paths(files)
    if not ways:
        raise MartletError(
            f"{files.given!r} holds no tables ({', '.join(TABLES)}), which its layout is made of."
        )
    if not columns.labelled:  # the paths say all that there is
        columns = replace(columns, label=None, group=None)
    _check_asked(roles, columns)
    for name, (part, path) in ways.items():
        if len(path) != len(roles):
            raise MartletError(
                f"{name!r} does not lie as {'/'.join(roles)} below {files.given!r}; every table "
                "has to."
            )
        of = dict(zip(roles, path, strict=True))
        sheet = read_sheet(read_frame(files.path(name), name, counts), name, columns, counts)
        tracks.append(
            Track(
                name=name,
                values=sheet.values,
                channels=sheet.channels,
                label=_activity(of),
                subject=of.get("subject") if sheet.groups is None else _one(sheet.groups, name),
                part=part,
                times=sheet.times,
            )
        )
    told = [f"Activities and subjects are read off the paths, as {'/'.join(roles)}."]
    if columns.group is not None:
        told = [f"Activities are read off the folders, subjects in column {columns.group!r}."]
    elif "subject" not in roles:
        told = ["Activities are read off the folders."]
    told += [f"Time stamps: column {unit}." for unit in counts.units]
    return Found(tracks, told, counts.sentences())


def _check_asked(roles: Sequence[str], columns: Columns) -> None:
    """Raises MartletError for columns that are asked for what the paths say."""
    asked = [("label_column", columns.label)]
    asked += [("group_by", columns.group)] * ("subject" in roles)
    for option, column in asked:
        if column is not None:
            raise MartletError(
                f"{option}={column!r} names a column, and folders as {'/'.join(roles)} say it "
                "already; leave it out, or say layout='table'."
            )


def _one(groups: tuple[NDArray[np.int32], tuple[str, ...]], name: str) -> str:
    """The subject of a table in which all rows are of one."""
    codes, people = groups
    if len(people) != 1 or codes.min() < 0:
        raise MartletError(
            f"{name!r} is of {few(people) if people else 'no subject'}, with rows of none or of "
            "several; below a folder of activities each table is of one subject."
        )
    return people[0]


def _activity(of: dict[str, str]) -> str:
    if "activity" in of:
        return one_form(of["activity"])
    trial = _TRIAL.fullmatch(of["activity_trial"])
    return one_form(trial[1] if trial else of["activity_trial"])


def unclear(files: Files) -> MartletError | None:
    """The sentence for tables in folders that are laid out in none of these ways."""
    ways = paths(files)
    depths = {len(path) for _, path in ways.values()}
    if not ways or depths == {1}:
        return None
    if len(depths) > 1:
        short, long = (
            next(name for name, (_, path) in ways.items() if len(path) == depth)
            for depth in (min(depths), max(depths))
        )
        return MartletError(
            f"folder {files.given!r} mixes tables at several depths, such as {short!r} and "
            f"{long!r}; give the folder that all recordings lie in alike."
        )
    if depths == {3}:
        first = sorted({path[0] for _, path in ways.values()})
        second = sorted({path[1] for _, path in ways.values()})
        return MartletError(
            f"folder {files.given!r} holds folders {few(first)} with {few(second)} in them, and "
            "neither look like subjects; say layout='subject/activity/file' or "
            "'activity/subject/file'."
        )
    return MartletError(
        f"folder {files.given!r} holds tables as {next(iter(ways))!r}; give them as one of "
        f"{', '.join(ROLES)}, or with label_column."
    )


FOLDERS = tuple(
    Layout(
        name=name,
        what=f"tables in folders, {name}",
        recognises=partial(_recognises, roles),
        read=partial(_read, roles),
    )
    for name, roles in ROLES.items()
)
