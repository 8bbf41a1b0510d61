"""Rows of a CSV file: as they were written, all columns of all rows."""

from pathlib import Path

import pytest

from martlet.errors import MartletError
from martlet.storage.csv_rows import read_rows, write_rows


def test_rows_come_back_with_all_columns(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.csv"
    assert read_rows(path) == []
    write_rows(path, [{"a": 1, "b": "x, y"}, {"a": "2", "c": 0.5}])
    assert read_rows(path) == [{"a": "1", "b": "x, y", "c": ""}, {"a": "2", "b": "", "c": "0.5"}]


def test_what_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"\xff\xfe\x00\xff")
    with pytest.raises(MartletError, match=r"rows\.csv cannot be read"):
        read_rows(tmp_path / "rows.csv")
