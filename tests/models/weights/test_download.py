import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import sha1, sha256
from pathlib import Path

import pytest

from martlet.errors import MartletError
from martlet.models.weights.download import fetch, fetch_json, has_checksum

CONTENT = bytes(range(256)) * 8
SHA256 = f"sha256:{sha256(CONTENT).hexdigest()}"
Served = tuple[Path, str]


def test_a_file_and_a_member_of_an_archive(served: Served, tmp_path: Path) -> None:
    folder, address = served
    (folder / "a.pth").write_bytes(CONTENT)
    with zipfile.ZipFile(folder / "b.pth.zip", "w") as archive:
        archive.writestr("b.pth", CONTENT)
    fetch(f"{address}/a.pth", tmp_path / "to" / "a.pth", SHA256[:15])
    fetch(
        f"{address}/b.pth.zip",
        tmp_path / "to" / "b.pth",
        f"sha1:{sha1(CONTENT).hexdigest()}",
        "b.pth",
    )
    found = {path.name: path.read_bytes() for path in (tmp_path / "to").iterdir()}
    assert found == {"a.pth": CONTENT, "b.pth": CONTENT}
    assert has_checksum(tmp_path / "to" / "a.pth", "")
    assert not has_checksum(tmp_path / "to" / "a.pth", "sha256:0000")


@pytest.mark.parametrize(
    ("file", "checksum", "member", "sentence"),
    [
        ("a.pth", "sha256:00", "", r"has not the checksum sha256:00 .* put it to .*/a\.pth"),
        ("a.pth", "", "b.pth", r"is no archive that holds b\.pth"),
        ("none.pth", "", "", r"could not be downloaded \(HTTP Error 404.*put it to .*/a\.pth"),
    ],
)
def test_what_is_wrong_leaves_nothing(
    served: Served, tmp_path: Path, file: str, checksum: str, member: str, sentence: str
) -> None:
    folder, address = served
    (folder / "a.pth").write_bytes(CONTENT)
    with pytest.raises(MartletError, match=sentence):
        fetch(f"{address}/{file}", tmp_path / "to" / "a.pth", checksum, member)
    assert list((tmp_path / "to").iterdir()) == []


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"127.*could not be downloaded .*refused"):
        fetch("http://127.0.0.1:1/a.pth", tmp_path / "a.pth")


def test_a_full_disk(
    served: Served, tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    folder, address = served
    (folder / "a.pth").write_bytes(CONTENT)
    with full_disk(100), pytest.raises(MartletError, match=r"a\.pth could not be written"):
        fetch(f"{address}/a.pth", tmp_path / "to" / "a.pth")
    assert list((tmp_path / "to").iterdir()) == []


@pytest.mark.parametrize("text", ["no table", "[1]"])
def test_no_table(served: Served, text: str) -> None:
    folder, address = served
    (folder / "told").write_text(text)
    with pytest.raises(MartletError, match=r"told answered with something else .*; give a file\."):
        fetch_json(f"{address}/told", "give a file")
    with pytest.raises(MartletError, match=r"none could not be read \(HTTP Error 404.*; give a"):
        fetch_json(f"{address}/none", "give a file")
