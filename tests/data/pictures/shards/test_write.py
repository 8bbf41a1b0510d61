"""Shards as they are written: whole, mixed, the same each time, and gone on with."""

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from martlet.data.pictures.read import Listing, scan
from martlet.data.pictures.shards import write as module
from martlet.data.pictures.shards.index import Index
from martlet.data.pictures.shards.write import write_shards
from martlet.errors import MartletError

SIZE = 20_000


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Sixteen pictures of two classes."""
    rng = np.random.default_rng(0)
    for number in range(16):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.{('png', 'jpg')[number // 8]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 20, 3), np.uint8)).save(path)
    return tmp_path / "photos"


def written(many: Path, folder: Path, size: int = SIZE, **options: Any) -> Index:
    listing = options.pop("listing", None) or scan(many)
    return write_shards(listing, folder, "birds", size, **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_each_picture_lies_where_the_index_says(many: Path, tmp_path: Path) -> None:
    index = written(many, tmp_path / "out")
    assert len(index) == 16
    assert len(index.shards) > 3
    for n, at in enumerate(index.at):
        path = tmp_path / "out" / index.shards[at]
        assert path.stat().st_size == index.sizes[at] <= SIZE
        content = path.read_bytes()[index.offsets[n] :][: index.lengths[n]]
        assert content == (many / index.paths[n]).read_bytes()
        with tarfile.open(path) as tar:
            stem = index.members[n].partition(".")[0]
            label, about = (tar.extractfile(f"{stem}.{kind}") for kind in ("cls", "json"))
            assert label is not None
            assert about is not None
            assert int(label.read()) == index.labels[n]
            expected = {"class": "ab"[index.labels[n]], "label": index.labels[n]}
            assert json.loads(about.read()) == {**expected, "path": index.paths[n]}
    assert sorted(index.digests) == list(index.digests)  # mixed: by content
    assert json.loads((tmp_path / "out/shards.json").read_text())["classes"] == {"a": 8, "b": 8}


def test_given_parts_and_groups_lie_in_shards_of_their_own(many: Path, tmp_path: Path) -> None:
    plain = scan(many)
    parts = ("train", "train", "test")
    pictures = [p._replace(part=parts[n % 3], group="g") for n, p in enumerate(plain.pictures)]
    index = written(many, tmp_path / "out", listing=plain._replace(pictures=tuple(pictures)))
    assert {name.rsplit("-", 1)[0] for name in index.shards} == {"birds-train", "birds-test"}
    for n, at in enumerate(index.at):
        assert index.shards[at].startswith(f"birds-{index.parts[n]}-0000")
    assert set(index.groups) == {"g"}


@pytest.mark.parametrize("last", [0, 1, 3])
def test_what_was_cut_off_goes_on_to_the_same_bytes(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    whole = written(many, tmp_path / "whole")
    one, count = module._write_shard, []

    def until(path: Path, listing: Listing, entries: Any) -> None:
        count.append(path)
        if len(count) > last:
            raise KeyboardInterrupt
        one(path, listing, entries)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_write_shard", until)
        with pytest.raises(KeyboardInterrupt):
            written(many, tmp_path / "cut")
    assert not (tmp_path / "cut/shards.json").exists()
    if last:
        with pytest.raises(MartletError, match="holds shards of other pictures"):
            written(many, tmp_path / "cut", size=2 * SIZE)
    count.clear()
    monkeypatch.setattr(module, "_write_shard", lambda *a: (count.append(a[0]), one(*a)))
    assert written(many, tmp_path / "cut") == whole
    assert len(count) == len(whole.shards) - last
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert written(many, tmp_path / "cut") == whole  # nothing is left to do
    assert len(count) == len(whole.shards) - last
    shard = tmp_path / "cut" / whole.shards[1]
    shard.write_bytes(shard.read_bytes()[:-5])
    assert written(many, tmp_path / "cut") == whole
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_shards_of_other_pictures_are_kept_unless_told(many: Path, tmp_path: Path) -> None:
    written(many, tmp_path / "out")
    (tmp_path / "out/mine.txt").touch()
    before = contents(tmp_path / "out")
    Image.new("RGB", (9, 9), "red").save(many / "a" / "new.png")
    with pytest.raises(
        MartletError, match=r"holds shards of other pictures, .*give another folder"
    ):
        written(many, tmp_path / "out")
    assert contents(tmp_path / "out") == before
    index = written(many, tmp_path / "out", size=10**9, overwrite=True)
    assert sorted(contents(tmp_path / "out")) == ["birds-000000.tar", "mine.txt", "shards.json"]
    assert len(index) == 17


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda many, patch: (many / "a/0.png").write_bytes(b"x"), "1 of 16 pictures cannot be"),
        (
            lambda many, patch: patch.setattr(
                shutil,
                "disk_usage",
                lambda _: shutil._ntuple_diskusage(10, 10, 10),  # type: ignore[attr-defined]
            ),
            "the shards need .* and .* has 10 bytes left; give a folder with more room",
        ),
    ],
)
def test_nothing_is_written_of_what_cannot_be(
    many: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[Path, pytest.MonkeyPatch], Any],
    sentence: str,
) -> None:
    harm(many, monkeypatch)
    with pytest.raises(MartletError, match=sentence):
        written(many, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unreadable_ones_are_left_out_as_far_as_allowed(many: Path, tmp_path: Path) -> None:
    (many / "a/0.png").write_bytes(b"x")
    index = written(many, tmp_path / "out", max_bad=0.1)
    assert len(index) == 15
    assert index.bad == [("a/0.png", "is not a picture in a known format")]


def test_a_file_that_changes_meanwhile_is_said(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = module.read_bytes
    monkeypatch.setattr(
        module, "_inspect_all", lambda *a, f=module._inspect_all: _after(f(*a), many)
    )
    with pytest.raises(MartletError, match=r"changed while shards were written; write them anew\."):
        written(many, tmp_path / "out")
    assert read is module.read_bytes


def _after(found: Any, many: Path) -> Any:
    for path in many.rglob("*.png"):
        Image.new("RGB", (16, 20), "red").save(path)
    return found
