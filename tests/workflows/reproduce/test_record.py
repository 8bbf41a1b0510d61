"""runs.csv: rows of several writers, other versions, damaged files."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from martlet.errors import MartletError
from martlet.workflows.reproduce.record import Record


def test_rows_of_many_writers_are_all_there_once(tmp_path: Path) -> None:
    records = [Record(tmp_path), Record(tmp_path)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: records[n % 2].add({"key": f"k{n % 20}", "top1": n}), range(40)))
    rows = records[0].rows()
    assert len(rows) == 20
    assert set(rows) == {f"k{n}" for n in range(20)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs.csv", "work"]


def test_no_file_has_no_rows(tmp_path: Path) -> None:
    assert Record(tmp_path / "none").rows() == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("version,key\n2,a\n", r"runs\.csv, line 2: a row of version '2', and this martlet reads"),
        ("key,top1\na,0.5\n", r"runs\.csv, line 2: a row of version None, and this"),
        ("version,key\n1,a\n", r"runs\.csv has no column data; move the file away, or give"),
    ],
)
def test_a_file_of_another_version_is_left_alone(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(text)
    with pytest.raises(MartletError, match=told):
        Record(tmp_path).add({"key": "b"})
    assert path.read_text() == text


def test_rows_of_boxes_stand_beside_those_of_classes(tmp_path: Path) -> None:
    """Files from before have no columns of boxes."""
    record = Record(tmp_path)
    record.add({"key": "a", "top1": 0.5})
    path = tmp_path / "runs.csv"
    head, line = path.read_text().splitlines()
    assert head.endswith(",ap,ap50")
    path.write_text(f"{head.removesuffix(',ap,ap50')}\n{line.removesuffix(',,')}\n")
    record.add({"key": "b", "ap": 0.25, "ap50": 0.5})
    rows = record.rows()
    assert (rows["a"]["top1"], rows["a"]["ap"]) == ("0.5", "")
    assert (rows["b"]["top1"], rows["b"]["ap"]) == ("", "0.25")


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_bytes(b"\xff\xfe\x00\xff")
    with pytest.raises(MartletError, match=r"runs\.csv cannot be read"):
        Record(tmp_path).rows()


@pytest.mark.parametrize("cut", [1, 40, -3])
def test_a_line_that_is_cut_is_named_with_the_way_out(tmp_path: Path, cut: int) -> None:
    record = Record(tmp_path)
    for key in ("a", "b"):
        record.add({"key": key, "top1": 0.5, "cpu": "One, with a comma", "os": "Linux 6.1"})
    path = tmp_path / "runs.csv"
    first, second, third = path.read_text().splitlines()
    path.write_text("\n".join([first, second, third[:cut].rsplit(",", 1)[0]]))
    with pytest.raises(
        MartletError, match=r"line 3.* is cut or damaged; delete the line, and its|of version ''"
    ):
        record.rows()
    path.write_text(f"\ufeff{first}\n{second}\n", encoding="utf-8")
    assert list(record.rows()) == ["a"]
    path.write_text(f"{first}\n{second.replace('0.5', 'abc')}\n")
    with pytest.raises(MartletError, match=r"line 2 is cut or damaged"):
        record.rows()
