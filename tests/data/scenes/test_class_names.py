from pathlib import Path

import pytest

from martlet.data.scenes.class_names import read_class_names
from martlet.errors import MartletError


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "names.txt"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("between", [" ", "\t", ",", ": ", " = ", ";", "  "])
def test_values_with_names(tmp_path: Path, between: str) -> None:
    lines = [f"{value}{between}{name}" for value, name in ((10, "Corn, old"), (1, "b 2"), (0, "x"))]
    path = write(tmp_path, "# classes\r\n\r\n" + "\r\n".join(lines), "utf-8-sig")
    names = read_class_names(path, [1, 10])
    assert list(names.items()) == [(1, "b 2"), (10, "Corn, old")]


def test_values_with_a_point(tmp_path: Path) -> None:
    path = write(tmp_path, "1.0 a\n2.00,b\n3. c\n4 5.0 d\n")
    assert read_class_names(path, [1, 2, 3, 4]) == {1: "a", 2: "b", 3: "c", 4: "5.0 d"}
    with pytest.raises(MartletError, match=r"'2\.5 b' without"):
        read_class_names(write(tmp_path, "1.0 a\n2.5 b\n"), [1, 2])


def test_names_alone_are_of_1_and_up(tmp_path: Path) -> None:
    path = write(tmp_path, "Alfalfa\n\nCafe\u0301\nWoods\n")
    assert read_class_names(path, [1, 2]) == {1: "Alfalfa", 2: "Café"}
    with pytest.raises(
        MartletError, match=r"no name for the values 10, 11 .*\(3 names .*VALUE NAME"
    ):
        read_class_names(path, [1, 10, 11])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 a\nb\n", "lines with a value and a name, and 'b' without"),
        ("1 a\n1 b\n2 c\n", "names value 1 more than once"),
        ("1 a\n3 c\n", "no name for the values 2 "),
        ("a\na\n", "values 1 and 2 the same name, 'a'"),
        ("", r"no name for the values 1, 2 .*\(0 names"),
    ],
)
def test_unclear_names_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(MartletError, match=said):
        read_class_names(write(tmp_path, text), [1, 2])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"class_names=.*is not UTF-8 text"):
        read_class_names(write(tmp_path, "é", "latin-1"), [1])
    with pytest.raises(MartletError, match=r"class_names=.*cannot be read"):
        read_class_names(tmp_path / "none.txt", [1])
