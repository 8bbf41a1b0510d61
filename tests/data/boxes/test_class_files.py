"""Names of classes from each kind of file."""

from pathlib import Path

import pytest
from tests.boxed import text

from martlet.data.boxes.class_files import find_class_file, read_class_file
from martlet.errors import MartletError


@pytest.mark.parametrize(
    ("name", "content", "names"),
    [
        ("data.yaml", "names: [cat, dog]\n", {0: "cat", 1: "dog"}),
        ("data.yaml", "names:\n  0: cat\n  7: dog\n", {0: "cat", 7: "dog"}),
        ("data.yml", "\ufeffnames:\r\n- no\r\n- 1e3\r\n", {0: "no", 1: "1e3"}),  # texts as written
        ("classes.txt", "cat\r\n dog \r\n\r\n", {0: "cat", 1: "dog"}),
        ("obj.names", "cat\n\ndog", {0: "cat", 2: "dog"}),
        ("classes.csv", "cat,1\ndog,0\n", {1: "cat", 0: "dog"}),
    ],
)
def test_names(tmp_path: Path, name: str, content: str, names: dict[int, str]) -> None:
    assert read_class_file(text(tmp_path / name, content)).names == names


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("data.yaml", "names: [a\n", "is broken YAML: line 2: "),
        ("data.yaml", "[1]", "has no 'names'; give the names of the classes there"),
        ("data.yaml", "names: cat\n", "names, is 'cat'; accepted is a list, or name by number"),
        ("data.yaml", "names: []\n", "names, is a list; accepted"),
        ("data.yaml", "names: {a: cat}\n", "has 'a' as the number of a class"),
        ("data.yaml", "names: [[a]]\n", "has a list as the name of a class"),
        ("data.yaml", "names: [a]\ntrain: {b: c}\n", "has an object as train; accepted is a fol"),
        ("data.yaml", f"names: {'[' * 2000}", "cannot be read as YAML|is broken YAML"),
        ("data.yaml", "names: &a [*a]\n", "is broken YAML: line 1: found unconstructable rec"),
        ("data.yaml", "names: !!python/object:os.system [x]\n", ""),
        ("classes.txt", "\n", "names no class; give one a line"),
        ("classes.csv", "cat\n", "row 'cat', has '' as the number of a class"),
    ],
)
def test_what_names_no_classes(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    path = text(tmp_path / name, content)
    if not sentence:  # a tag says nothing where every value is a text, a list or a mapping
        assert read_class_file(path).names == {0: "x"}
        return
    with pytest.raises(MartletError, match=sentence):
        read_class_file(path)


def test_anchors_do_not_grow(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)
    ]
    path = text(tmp_path / "data.yaml", "\n".join([*lines, "names: *a29", ""]))
    with pytest.raises(MartletError, match="has a list as the name of a class"):
        read_class_file(path)


def test_the_file_is_looked_for_above_labels(tmp_path: Path) -> None:
    labels = tmp_path / "set" / "train" / "labels"
    labels.mkdir(parents=True)
    text(tmp_path / "classes.txt", "far\n")  # above the folder of the set
    assert find_class_file([labels]) is None
    text(tmp_path / "set" / "obj.names", "cat\n")
    found = find_class_file([labels])
    assert found is not None
    assert found.names == {0: "cat"}
    text(tmp_path / "set" / "data.yaml", "names: [dog]\n")
    found = find_class_file([labels])
    assert found is not None
    assert found.names == {0: "dog"}
    text(tmp_path / "set" / "other.yaml", "names: [dog]\n")
    with pytest.raises(MartletError, match=r"holds 2 files with names of classes, such as 'data"):
        find_class_file([labels])
