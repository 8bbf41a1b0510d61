"""Tables of pictures: what Excel, pandas and people write, cell by cell."""

import sys
from pathlib import Path

import pytest

from martlet.data.pictures.list_file import Columns, listed_paths, read_table
from martlet.errors import MartletError


def table(tmp_path: Path, content: str | bytes, name: str = "list.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("path,label\na.jpg,01\nb c.jpg,NA\n", "list.csv"),
        ("\ufeffpath;label\r\na.jpg;01\r\nb c.jpg;NA\r\n", "list.csv"),
        ("path\tlabel\na.jpg\t01\n\nb c.jpg\tNA", "list.tsv"),
        (' path , label \n"a.jpg", 01\n"b c.jpg",NA\n', "LIST.CSV"),
        ("path,label,\na.jpg,01,\nb c.jpg,NA,\n", "list.csv"),
        ("path,label\na.jpg,01\nb c.jpg,NA\n".encode("utf-16"), "list.csv"),
    ],
)
def test_cells_stay_what_is_written(tmp_path: Path, content: str | bytes, name: str) -> None:
    found = read_table(table(tmp_path, content, name))
    assert found.names == ["path", "label"]
    # " 01" behind a quote in quotes: blanks around cells are none of their content
    assert [cells for _, cells in found.rows] == [["a.jpg", "01"], ["b c.jpg", "NA"]]


def test_a_quoted_cell_may_have_separators_and_lines(tmp_path: Path) -> None:
    content = 'path,label,note\n"a,b.jpg",cat,"one\ntwo"\nc.jpg,"a ""dog""",\n'
    found = read_table(table(tmp_path, content))
    assert found.rows == [(3, ["a,b.jpg", "cat", "one\ntwo"]), (4, ["c.jpg", 'a "dog"', ""])]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty; give a list with a row for each picture"),
        ("path,label\n", "has no rows"),
        ("path,label\na.jpg,cat\nb,c.jpg,cat\n", "has 3 cells in line 3, and names for 2"),
        ('path,label\n"a.jpg,cat\nb.jpg,dog\n', "cannot be read as a list: line 3: unexpected end"),
        ("path,path\na.jpg,b.jpg\n", "has two columns called 'path'; rename one"),
        (b"path,label\na.jpg,caf\xe9\n", "is no text in UTF-8 .* save it as UTF-8"),
    ],
)
def test_what_is_no_list_is_a_sentence(tmp_path: Path, content: str | bytes, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        read_table(table(tmp_path, content))


def test_columns_are_found_by_usual_names_or_as_asked(tmp_path: Path) -> None:
    found = read_table(table(tmp_path, "File,Class,image_path\na,b,c\n"))
    assert found.column("label", None) == 1
    assert found.column("group", None) is None
    assert found.column("path", "image_path") == 2
    with pytest.raises(MartletError, match="could be the path, 'File', 'image_path'; name one by"):
        found.column("path", None)
    with pytest.raises(
        MartletError, match=r"label_column='kind' is no column of .* 'File', 'Class'"
    ):
        found.column("label", "kind")
    with pytest.raises(MartletError, match="none is called group, group_id, subject or the like"):
        found.needed("group", None)


def test_paths_lie_below_the_list_or_the_root(tmp_path: Path) -> None:
    at = table(tmp_path, "path\na.jpg\n./b/c.jpg\n/d.jpg\n\nb\\e.jpg\n")
    if sys.platform == "win32":
        pytest.skip("backslashes are what separates there")
    found = listed_paths(at, Columns())
    names = ["a.jpg", "b/c.jpg", "/d.jpg", "b/e.jpg"]
    assert found == [tmp_path / name for name in names]
    assert listed_paths(at, Columns(root=Path("x")))[:2] == [Path("x/a.jpg"), Path("x/b/c.jpg")]
    (tmp_path / "b\\e.jpg").touch()  # such a file is there
    assert listed_paths(at, Columns())[3] == tmp_path / "b\\e.jpg"


def test_parquet_is_read_as_the_same_text(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="reads Parquet, an extra")
    from pyarrow import parquet

    columns = {"path": ["a.jpg", "b.jpg"], "label": [3.0, None], "group": [7, 8]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "list.parquet")
    found = read_table(tmp_path / "list.parquet")
    assert found.rows == [(1, ["a.jpg", "3", "7"]), (2, ["b.jpg", "", "8"])]
    with pytest.raises(MartletError, match="cannot be read as Parquet"):
        read_table(table(tmp_path, "PAR1 not", "bad.parquet"))


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MartletError, match=r"pip install 'martlet\[lists\]'\.$"):
        read_table(table(tmp_path, "PAR1", "list.parquet"))
