"""One XML file, also a hostile one."""

import time
from pathlib import Path

import pytest
from tests.boxed import text, voc_object, voc_xml

from martlet.data.boxes.voc_xml import MOST_BYTES, read_voc_xml
from martlet.errors import MartletError

PLAIN = voc_xml("a.jpg", voc_object("cat", 1, 2.5, " 3 ", 4), size=(30, 20))


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode(),
        b'<?xml version="1.0" encoding="windows-1252"?>' + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        PLAIN.replace("<name>", "<part><name>head</name></part><name>").encode(),
        b"<!DOCTYPE annotation SYSTEM 'http://nowhere.invalid/a.dtd'>" + PLAIN.encode(),
    ],
)
def test_one_box(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(content)
    found = read_voc_xml(path)
    assert found == ("a.jpg", (30, 20), [("cat", (1, 2.5, 3, 4))], 0)


def test_parts_of_objects_turned_boxes_and_no_size(tmp_path: Path) -> None:
    person = voc_object("man", 1, 1, 9, 9).replace(
        "</object>", "<part><name>head</name><bndbox><xmin>2</xmin></bndbox></part></object>"
    )
    turned = "<object><name>x</name><robndbox><cx>1</cx></robndbox></object>"
    path = text(tmp_path / "a.xml", f"<annotation>{person}{turned}</annotation>")
    assert read_voc_xml(path) == ("", None, [("man", (1, 1, 9, 9))], 1)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (PLAIN[:-20], "is broken XML: line 6: unclosed token; repair it"),
        ("", "is broken XML: line 1: no element found"),
        (PLAIN.replace("<name>cat", "<name>"), "line 4, has '' as the name of a class"),
        (PLAIN.replace("<xmin>1</xmin>", ""), "line 4, has an object whose box has no xmin"),
        (PLAIN.replace("2.5", "two"), "line 4, has 'two' where a number is accepted"),
        ("<annotations></annotations>", "line 1, has the root element 'annotations'; that of"),
        ("<annotation>" * 200, "line 1, has elements 100 deep"),
        (PLAIN.replace("a.jpg", "a" * 20_000), "line 2, has a value of more than 10,000 char"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]>" + PLAIN, "line 1, declares entities, which are not"),
        (
            "<?xml version='1.0' encoding='nope'?>" + PLAIN,
            "cannot be read as XML .unknown encoding",
        ),
        ("<?xml version='1.0' encoding='gb2312'?>" + PLAIN, "cannot be read as XML"),
    ],
)
def test_what_is_wrong_is_told_with_the_line(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        read_voc_xml(text(tmp_path / "a.xml", content))


@pytest.mark.parametrize(
    "declared",
    [
        "<!ENTITY a0 'lol'>" + "".join(f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(12)),
        "<!ENTITY a12 SYSTEM 'file:///etc/hostname'>",
        "<!ENTITY % a12 SYSTEM 'file:///etc/hostname'> %a12;",
    ],
)
def test_entities_are_neither_grown_nor_fetched(tmp_path: Path, declared: str) -> None:
    content = f"<!DOCTYPE annotation [{declared}]>" + PLAIN.replace("cat", "&a12;")
    started = time.monotonic()
    with pytest.raises(MartletError, match="declares entities"):
        read_voc_xml(text(tmp_path / "a.xml", content))
    assert time.monotonic() - started < 5


def test_files_too_large_and_none(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(MartletError, match="has 16,777,217 bytes; up to 16,777,216 are accepted"):
        read_voc_xml(path)
    with pytest.raises(MartletError, match=r"cannot be read .No such file"):
        read_voc_xml(tmp_path / "gone.xml")
    with pytest.raises(MartletError, match="is not a regular file"):
        read_voc_xml(tmp_path)
