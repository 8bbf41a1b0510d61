import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from martlet.data.series.tables import Counts, read_frame, read_matrix
from martlet.errors import MartletError


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, name: str = "a.csv", encoding: str = "utf-8") -> Path:
        (tmp_path / name).write_bytes(text.encode(encoding))
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    "text",
    [
        "x,y\n1,2.5\n3,4\n",
        "x;y\n1;2.5\n3;4\n",
        "x;y\n1;2,5\n3;4,0\n",
        "x\ty\n1\t2.5\n3\t4\n",
        "x, y\n 1, 2.5\r\n3, 4",
        "\ufeffx,y\n1,2.5\n3,4\n",
        ",x,y\n0,1,2.5\n1,3,4\n",
        "index,x,y\n7,1,2.5\n8,3,4\n",
        "x,y,\n1,2.5,\n3,4,\n",
        "\n\nx,y\n1,2.5\n\n3,4\n",
    ],
)
def test_dialects(write: Callable[..., Path], text: str) -> None:
    frame = read_frame(write(text), "a.csv", Counts())
    assert list(frame.columns) == ["x", "y"]
    assert frame.to_numpy().tolist() == [[1, 2.5], [3, 4]]


def test_without_a_header_columns_are_numbers(write: Callable[..., Path]) -> None:
    frame = read_frame(write("1,2.5\n3,4\n"), "a.csv", Counts())
    assert list(frame.columns) == ["1", "2"]
    assert frame.to_numpy().tolist() == [[1, 2.5], [3, 4]]


def test_row_numbers_are_counted_and_others_kept(write: Callable[..., Path]) -> None:
    counts = Counts()
    read_frame(write(",x\n1,5\n2,6\n"), "a.csv", counts)
    assert counts.row_numbers == 1
    frame = read_frame(write("index,x\n1,5\n3,6\n"), "a.csv", counts)
    assert list(frame.columns) == ["index", "x"]
    assert counts.row_numbers == 1


def test_parquet(tmp_path: Path) -> None:
    table = pandas.DataFrame({"x": [1.5, None], "activity": ["walk", "run"]})
    table.to_parquet(tmp_path / "a.parquet")
    frame = read_frame(tmp_path / "a.parquet", "a.parquet", Counts())
    assert list(frame.columns) == ["x", "activity"]
    assert frame["activity"].tolist() == ["walk", "run"]


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        (pandas.Index([0.0, 0.02], name="time"), ["time", "x"]),
        (pandas.to_datetime([0, 20], unit="ms"), ["time", "x"]),
        (pandas.to_datetime([0, 20], unit="ms").rename("clock"), ["clock", "x"]),
        (pandas.to_timedelta([0, 20], unit="ms"), ["time", "x"]),
        (pandas.MultiIndex.from_tuples([(1, 0), (1, 1)], names=["who", "s"]), ["who", "s", "x"]),
        (pandas.Index([4, 7]), ["x"]),
        (pandas.RangeIndex(2, name="sample"), ["x"]),
    ],
)
def test_an_index_in_parquet_is_a_column(tmp_path: Path, index: Any, columns: list[str]) -> None:
    pandas.DataFrame({"x": [1.5, 2.5]}, index=index).to_parquet(tmp_path / "a.parquet")
    assert list(read_frame(tmp_path / "a.parquet", "a.parquet", Counts()).columns) == columns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'a.csv' is empty"),
        ("x,y\n", "'a.csv' holds no rows"),
        ("x,y\n1,2,3\n4,5,6\n", "'a.csv' has rows with more cells"),
        ("x,y\n1,2\n1,2,3\n", "'a.csv' (cannot be read as a table|has rows with more cells)"),
        ('x,y\n1,"2\n', "'a.csv' cannot be read as a table"),
    ],
)
def test_what_is_no_table(write: Callable[..., Path], text: str, message: str) -> None:
    with pytest.raises(MartletError, match=message):
        read_frame(write(text), "a.csv", Counts())


def test_other_encodings_and_damaged_files(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"'a\.csv' is no text file in UTF-8"):
        read_frame(write("größe,y\n1,2\n", encoding="latin-1"), "a.csv", Counts())
    with pytest.raises(MartletError, match=r"'a\.parquet' cannot be read as Parquet"):
        read_frame(write("x", "a.parquet"), "a.parquet", Counts())
    with pytest.raises(MartletError, match=r"'gone\.csv' cannot be read"):
        read_frame(tmp_path / "gone.csv", "gone.csv", Counts())


@pytest.mark.parametrize("missing", ["pandas", "pyarrow"])
def test_a_missing_library_names_the_extra(
    write: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
) -> None:
    if missing == "pandas":
        monkeypatch.setitem(sys.modules, "pandas", None)
    else:  # pandas has its own way of looking for it

        def without(*_: object, **__: object) -> None:
            raise ImportError("Unable to find a usable engine")

        monkeypatch.setattr(pandas, "read_parquet", without)
    with pytest.raises(MartletError, match=rf"{missing}, .*pip install 'martlet\[series\]'"):
        read_frame(write("x,y\n1,2\n", "a.parquet"), "a.parquet", Counts())


@pytest.mark.parametrize("text", ["1 2.5 NaN\n4 5 6\n", "1,2.5,\n4,5,6\n", "  1  2.5  NaN\n4 5 6"])
def test_matrices(write: Callable[..., Path], text: str) -> None:
    matrix = read_matrix(write(text, "a.dat"), "a.dat", 3)
    np.testing.assert_array_equal(matrix, [[1, 2.5, np.nan], [4, 5, 6]])


def test_other_matrices_are_refused(write: Callable[..., Path]) -> None:
    with pytest.raises(MartletError, match=r"'a\.dat' has 2 columns; 3 are"):
        read_matrix(write("1 2\n", "a.dat"), "a.dat", 3)
    with pytest.raises(MartletError, match=r"'a\.dat' starts with a header"):
        read_matrix(write("x y\n1 2\n", "a.dat"), "a.dat")
    with pytest.raises(MartletError, match=r"'a\.dat' holds what is no number"):
        read_matrix(write("1 2\n1 x\n", "a.dat"), "a.dat")
