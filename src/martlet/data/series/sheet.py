"""A table's columns: channels of numbers, labels, groups and time stamps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.class_names import one_form
from martlet.data.series.layout import Columns, as_float32
from martlet.data.series.tables import Counts, pandas
from martlet.data.series.timing import UNITS, is_time, unit_named, unit_of
from martlet.errors import MartletError, shortened, unknown

# What columns of labels and of subjects are called, in small letters. They are never channels: a
# network that is given its answer learns nothing else.
LABELS = ("label", "labels", "activity", "class", "target")
GROUPS = ("subject", "user", "participant", "volunteer", "person", "subject_id", "user_id")


@dataclass(frozen=True)
class Sheet:
    """A table's channels, float32 (rows, channels), and what its other columns say of each row.

    labels, groups: (codes, names), -1 where a cell is empty. times: seconds.
    """

    values: NDArray[np.float32]
    channels: tuple[str, ...]
    labels: tuple[NDArray[np.int32], tuple[str, ...]] | None
    groups: tuple[NDArray[np.int32], tuple[str, ...]] | None
    times: NDArray[np.float64] | None


def read_sheet(frame: Any, name: str, columns: Columns, counts: Counts) -> Sheet:
    """Channels and other columns of a table; `columns` names those that are no channels.

    Raises MartletError for a column that is not there, or no channel that is.
    """
    there = list(frame.columns)
    for option, column in (("label_column", columns.label), ("group_by", columns.group)):
        if column is not None and column not in there:
            raise MartletError(f"{name!r}: {unknown(f'{option}:', column, there)}")
    time, unit = _time_column(there, columns, name)
    # Time stamps are no channel, even when they are not to be used.
    taken = {columns.label, columns.group, time, *filter(is_time, there)}
    asked = columns.channels or ()
    answers = [c for c in there if c.lower() in (*LABELS, *GROUPS) and c not in (*taken, *asked)]
    counts.answers |= dict.fromkeys(answers)
    taken |= {*answers}
    channels, arrays = [], []
    for column in dict.fromkeys(there):
        if column in taken:
            continue
        if there.count(column) > 1:
            raise MartletError(f"{name!r} has two columns of the name {column!r}; rename one.")
        numbers, others = _numbers(frame[column])
        if numbers is None:
            _refuse_text(column, columns, name)
            counts.text_columns[column] = None
            continue
        counts.not_numbers += others
        channels.append(column)
        arrays.append(numbers)
    if not channels:
        raise MartletError(f"{name!r} has no column of numbers that could be a channel.")
    return Sheet(
        values=np.stack(arrays, axis=1),
        channels=tuple(channels),
        labels=None if columns.label is None else coded(frame[columns.label]),
        groups=None if columns.group is None else coded(frame[columns.group]),
        times=None if time is None else _seconds(frame[time], time, unit, name, counts),
    )


def coded(column: Any) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Cells as (codes, names): whole numbers without a point, text without blanks around it."""
    codes, values = pandas().factorize(column)
    names = [_name_of(value) for value in values]
    kept = tuple(dict.fromkeys(name for name in names if name))
    place = {name: index for index, name in enumerate(kept)}
    new = np.array([*(place.get(name, -1) for name in names), -1], np.int32)
    return new[codes], kept


def _name_of(value: Any) -> str:
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return one_form(str(value).strip())


def _numbers(column: Any) -> tuple[NDArray[np.float32] | None, int]:
    """Values as numbers, and how many cells are none; None when they are most of those filled."""
    module = pandas()
    if column.dtype.kind in "mM":
        return None, 0
    made = module.to_numeric(column, errors="coerce")
    array = as_float32(made.to_numpy(dtype=np.float64, na_value=np.nan))
    if column.dtype.kind in "biuf":
        return array, 0
    filled = column.notna().to_numpy(dtype=bool)
    others = int((filled & np.isnan(array)).sum())
    return (None if others > filled.sum() / 2 else array), others


def _refuse_text(column: str, columns: Columns, name: str) -> None:
    if columns.channels is not None and column in columns.channels:
        raise MartletError(f"{name!r}: column {column!r} holds no numbers, so it is no channel.")


def _time_column(there: list[str], columns: Columns, name: str) -> tuple[str | None, str | None]:
    """Name and unit of the column with time stamps; None where there is none, or no unit.

    One that is asked for by "" is none; where labels are not needed, it may be another one's.
    """
    asked = columns.time
    if asked and not columns.labelled and not {asked, asked.rpartition(":")[0]} & {*there}:
        asked = None
    if asked == "":
        return None, None
    if asked is not None:
        column, _, unit = asked.rpartition(":")
        if asked not in there and column in there:
            if unit not in UNITS:
                raise unknown("unit of time", unit, list(UNITS))
            return column, unit
        if asked not in there:
            raise MartletError(f"{name!r}: {unknown('time_column:', asked, there)}")
        return asked, unit_named(asked)
    named = [column for column in there if is_time(column)]
    if len(named) > 1:
        way_out = "name one by time_column" if columns.labelled else "keep one of them"
        raise MartletError(
            f"{name!r} has several columns of time stamps, {', '.join(map(repr, named))}; "
            f"{way_out}."
        )
    return (named[0], unit_named(named[0])) if named else (None, None)


def _seconds(
    column: Any, name: str, unit: str | None, where: str, counts: Counts
) -> NDArray[np.float64]:
    """Time stamps as seconds from the first one on: whole ones are subtracted as whole numbers."""
    module = pandas()
    if column.dtype.kind not in "iufMm":
        try:
            column = module.to_datetime(column, format="ISO8601", utc=True)
        except (ValueError, TypeError) as error:
            raise MartletError(
                f"{where!r}: time column {name!r} holds neither numbers nor dates as in "
                f"2026-01-31T12:00:00.000 ({shortened(str(error), 80)})."
            ) from error
    if column.isna().any():
        raise MartletError(f"{where!r}: time column {name!r} has empty cells; fill them.")
    if len(column) < 2:  # one sample alone, whatever its stamp's unit
        return np.zeros(len(column))
    if hasattr(column, "dt"):
        # Seconds behind the point are kept: the first stamp is taken off before they are a float.
        seconds = (column - column.iloc[0]).dt.total_seconds().to_numpy(dtype=np.float64)
        _check_fine(seconds, name, where)
        return seconds
    if column.dtype.kind == "u":
        column = column.astype(np.int64)
    stamps = (column - column.iloc[0]).to_numpy(dtype=np.float64)
    if not np.isfinite(stamps).all():
        raise MartletError(f"{where!r}: time column {name!r} holds infinite values.")
    _check_fine(stamps, name, where)
    unit = unit or unit_of(stamps, name, where)
    counts.units[f"{name!r} in {unit}"] = None
    return stamps * UNITS[unit]


def _check_fine(stamps: NDArray[np.float64], name: str, where: str) -> None:
    """Raises MartletError where most rows have the stamp of the row before."""
    same = int((np.diff(stamps) == 0).sum())
    if same > len(stamps) / 2:
        raise MartletError(
            f"{where!r}: time column {name!r} has the stamp of the row before in {same:,} of "
            f"{len(stamps):,} rows, too coarse for a rate; use none with time_column='', and give "
            "rate."
        )
