"""CSV, Parquet and other tables of numbers, read by pandas."""

import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.class_names import one_form
from martlet.data.series.timing import is_time
from martlet.errors import MartletError, shortened

TABLES = (".csv", ".tsv", ".parquet")
_HEAD_CHARACTERS = 1 << 16


@dataclass
class Counts:
    """Over all tables, for the sentences; `labelled`: labels are needed."""

    labelled: bool = True
    row_numbers: int = 0
    not_numbers: int = 0
    text_columns: dict[str, None] = field(default_factory=dict)
    answers: dict[str, None] = field(default_factory=dict)
    units: dict[str, None] = field(default_factory=dict)

    def sentences(self) -> list[str]:
        told = []
        if self.row_numbers:
            told.append(f"Row numbers in the first column, dropped: in {self.row_numbers} tables.")
        if self.text_columns:
            names = ", ".join(repr(name) for name in self.text_columns)
            told.append(f"Columns that hold no numbers, left out: {names}.")
        if self.answers and self.labelled:
            names = ", ".join(repr(name) for name in self.answers)
            told.append(
                f"Columns called as labels or subjects are, which are no channels: {names}; "
                "label_column and group_by use them."
            )
        if self.not_numbers:
            told.append(f"Cells that hold no numbers, taken as missing: {self.not_numbers:,}.")
        return told


def pandas() -> Any:
    """The module. Raises MartletError, which names the extra, when it is not installed."""
    try:
        import pandas
    except ImportError as error:
        raise MartletError(
            "tables of recordings are read by pandas, which is not installed: "
            "pip install 'martlet[series]'."
        ) from error
    return pandas


def read_frame(path: Path, name: str, counts: Counts) -> Any:
    """The table in a file, a pandas.DataFrame; a first column of row numbers is dropped.

    Columns without names are "1", "2" and so on. Raises MartletError, which names the file.
    """
    module = pandas()
    if name.lower().endswith(".parquet"):
        frame = _with_index(module, _parquet(module, path, name))
    else:
        separator, header, decimal = _dialect(path, name)
        frame = _csv(module, path, name, sep=separator, header=header, decimal=decimal)
        if header is None:
            frame.columns = range(1, frame.shape[1] + 1)
    frame.columns = [one_form(str(column).strip()) for column in frame.columns]
    if not len(frame):
        raise MartletError(f"{name!r} holds no rows; remove it, or give a table that does.")
    nameless = re.fullmatch(r"Unnamed: \d+", frame.columns[-1])
    if nameless and frame.iloc[:, -1].isna().all():  # every line ends with a separator
        frame = frame.iloc[:, :-1]
    if _is_row_number(frame):
        counts.row_numbers += 1
        frame = frame.iloc[:, 1:]
    return frame


def read_matrix(path: Path, name: str, columns: int | None = None) -> NDArray[np.float64]:
    """Numbers in lines, between commas or blanks, NaN where missing; no header.

    Raises MartletError for another number of `columns`, or for what is no number.
    """
    module = pandas()
    separator, header, _ = _dialect(path, name)
    if header is not None:
        raise MartletError(f"{name!r} starts with a header, or with what is no number.")
    frame = _csv(module, path, name, sep=separator, header=None)
    if columns is not None and frame.shape[1] != columns:
        raise MartletError(
            f"{name!r} has {frame.shape[1]} columns; {columns} are what its layout has."
        )
    try:
        return frame.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        why = shortened(str(error), 80)
        raise MartletError(f"{name!r} holds what is no number ({why}).") from error


def _is_row_number(frame: Any) -> bool:
    """Whether the first column has no name, or "index", and counts the rows."""
    first = str(frame.columns[0])
    if frame.shape[1] < 2 or not re.fullmatch(r"Unnamed: 0|index|", first):
        return False
    column = frame.iloc[:, 0]
    if column.dtype.kind not in "iu":
        return False
    start = int(column.iloc[0])
    return bool((column.to_numpy() == np.arange(start, start + len(column))).all())


def _dialect(path: Path, name: str) -> tuple[str, int | None, str]:
    """Separator, row of the header (None: none) and decimal sign of a table in text."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(_HEAD_CHARACTERS)
    except OSError as error:
        raise MartletError(f"{name!r} cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise MartletError(f"{name!r} is no text file in UTF-8 ({error.reason}).") from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise MartletError(f"{name!r} is empty; remove it, or give a table of numbers.")
    found = [separator for separator in (";", "\t", ",") if separator in lines[0]]
    separator = found[0] if found else r"\s+"
    second = lines[1] if len(lines) > 1 else ""
    decimal = "," if separator in (";", "\t") and re.search(r"\d,\d", second) else "."
    cells = lines[0].split() if separator == r"\s+" else lines[0].split(separator)
    header = None if all(_is_number(cell, decimal) for cell in cells) else 0
    return separator, header, decimal


def _is_number(cell: str, decimal: str) -> bool:
    try:
        float(cell.strip().strip('"').replace(decimal, ".") or "nan")
    except ValueError:
        return False
    return True


def _csv(module: Any, path: Path, name: str, **options: Any) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", module.errors.ParserWarning)
            return module.read_csv(
                path,
                index_col=False,
                na_values=["?"],
                low_memory=False,
                skipinitialspace=True,
                encoding="utf-8-sig",
                **options,
            )
    except module.errors.ParserWarning as error:
        raise MartletError(
            f"{name!r} has rows with more cells than its first line, which has to be the names of "
            "the columns, or the first row: remove what stands before it."
        ) from error
    except (ValueError, OSError, OverflowError) as error:  # pandas' parser errors are ValueErrors
        why = shortened(str(error), 120)
        raise MartletError(f"{name!r} cannot be read as a table ({why}).") from error


def _with_index(module: Any, frame: Any) -> Any:
    """pandas keeps a table's index in Parquet, very often time stamps: here it is a column again.

    One that counts rows alone is left out.
    """
    index = frame.index
    dated = isinstance(index, (module.DatetimeIndex, module.TimedeltaIndex))
    if dated and index.name is None:
        return frame.rename_axis("time").reset_index()
    counts = isinstance(index, module.RangeIndex) and not is_time(str(index.name))
    named = any(name is not None for name in index.names)
    return frame.reset_index(drop=counts or not named)


def _parquet(module: Any, path: Path, name: str) -> Any:
    try:
        return module.read_parquet(path, engine="pyarrow")
    except ImportError as error:
        raise MartletError(
            "Parquet files are read by pyarrow, which is not installed: "
            "pip install 'martlet[series]'."
        ) from error
    except Exception as error:  # pyarrow meets damaged files with many kinds of exception
        why = shortened(str(error), 120)
        raise MartletError(f"{name!r} cannot be read as Parquet ({why}).") from error
