"""Pictures read out of shards are those of the folder, and what is wrong with a shard is said."""

import io
import json
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from martlet.data.cache import PixelCache
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.read import scan
from martlet.data.pictures.shards.samples import ShardSamples, read_shards
from martlet.data.pictures.shards.write import write_shards
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.workflows.run_folder import Run

PREPROCESS = Preprocess(16)


@pytest.fixture
def shards(photos: Path, tmp_path: Path) -> Path:
    write_shards(scan(photos), tmp_path / "out", "photos", 30_000)
    return tmp_path / "out"


def opened(data: Path, **options: Any) -> ShardSamples:
    return read_shards(data, PREPROCESS, **{"max_bad": 0.0, "min_classes": 2, **options})


def assert_alike(found: Any, cache: PixelCache) -> None:
    for name in ("names", "labels", "digests", "parts", "groups", "classes"):
        assert getattr(found, name) == getattr(cache, name), name
    assert all((found[n] == cache[n]).all() for n in range(len(cache)))


def test_they_are_what_the_cache_of_the_folder_has(shards: Path, photos: Path) -> None:
    cache = PixelCache.build(scan(photos), PREPROCESS)
    found = opened(shards)
    assert_alike(found, cache)
    assert_alike(pickle.loads(pickle.dumps(found)), cache)
    last = len(list(shards.glob("*.tar"))) - 1
    assert last > 2
    assert_alike(opened(shards / f"photos-{{000000..{last:06}}}.tar"), cache)
    assert_alike(opened(shards / "photos-*.tar"), cache)
    (shards / "shards.json").unlink()  # then the tar files say the same, once read
    assert_alike(opened(shards), cache)
    steps: list[Any] = []
    assert_alike(opened(shards, progress=lambda *step: steps.append(step)), cache)
    assert steps == []


def test_some_of_the_shards_are_a_set_too(shards: Path) -> None:
    some = opened(shards / "photos-00000{1,2}.tar")
    assert 0 < len(some) < 36
    assert [some[n].shape for n in range(len(some))] == [(18, 21, 3)] * len(some)
    assert set(some.classes) <= {"red", "green", "blue"}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-11_000])


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (cut, "photos-000001.tar' is cut short"),
        (Path.unlink, "the shard .*photos-000001.tar' is missing; fetch or write it"),
    ],
)
def test_a_shard_that_is_not_whole_is_named(
    shards: Path, indexed: bool, harm: Callable[[Path], None], sentence: str
) -> None:
    if not indexed:
        (shards / "shards.json").unlink()
    harm(shards / "photos-000001.tar")
    with pytest.raises(MartletError, match=sentence):
        opened(shards / "photos-{000000..000002}.tar")


def test_a_shard_that_is_harmed_later_is_named_with_its_member(shards: Path) -> None:
    found = opened(shards)
    path = shards / found._index.shards[0]
    member = found._index.members[0]
    path.write_bytes(path.read_bytes()[:600])
    n = found._order.index(0)
    with pytest.raises(MartletError, match=f"photos-000000.tar: {member}' is not what was there"):
        found[n]
    again = opened_without_check(found)
    path.unlink()
    with pytest.raises(MartletError, match=f"photos-000000.tar: {member}' cannot be read"):
        again[n]


def opened_without_check(found: ShardSamples) -> ShardSamples:
    return ShardSamples(found.root, found._index, found.preprocess)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[]", "is damaged"),
        ("{", "is damaged"),
        ('{"format": 2}', "has format 2; accepted: 1"),
    ],
)
def test_a_damaged_index_is_a_sentence(shards: Path, content: str, sentence: str) -> None:
    (shards / "shards.json").write_text(content)
    with pytest.raises(MartletError, match=sentence):
        opened(shards)


def test_an_index_that_contradicts_itself_is_damaged(shards: Path) -> None:
    whole = json.loads((shards / "shards.json").read_text())
    for name, value in (("at", 99), ("labels", 7), ("offsets", -1), ("paths", 3), ("digests", "")):
        harmed = {**whole, name: [*whole[name][:-1], *([value] if value else [])]}
        (shards / "shards.json").write_text(json.dumps(harmed))
        with pytest.raises(MartletError, match="the index of shards, is damaged"):
            opened(shards)


def png(shade: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


def others(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_others_labels_are_read_as_they_write_them(tmp_path: Path) -> None:
    members = {
        "__meta__.json": b"{}",
        "d/1.png": png(1),
        "d/1.cls": b"3",
        "d/2.txt": b"owl\n",
        "d/2.PNG": png(2),
        "3.json": b'{"label": 5, "class_name": "heron", "patient": 7}',
        "3.png": png(3),
        "5.cls": b"3",
        "6.png": b"no picture",
        "6.cls": b"3",
    }
    path = others(tmp_path / "x.tar", members)
    with pytest.raises(
        MartletError, match=r"1 of 4 pictures cannot be read, .*x.tar: 6.png' is not"
    ):
        opened(path)
    found = opened(path, max_bad=0.5)
    assert found.classes == ("3", "heron", "owl")
    assert (found.names, found.labels) == (["3", "d/1", "d/2"], [1, 0, 2])
    assert found.groups == ["7", "d/1", "d/2"]
    members |= {"7.png": png(7), "7.json": b'{"class": "owl", "split": "dev"}'}
    with pytest.raises(MartletError, match="say the part of some pictures only"):
        opened(others(tmp_path / "y.tar", members), max_bad=0.5)
    members = {"7.png": png(7), "7.json": b"{", "8.png": png(8), "8.cls": b"3"}
    with pytest.raises(MartletError, match=r"z.tar': 7.json is no JSON"):
        opened(others(tmp_path / "z.tar", members))


def test_pictures_without_a_label_are_left_out_and_said(tmp_path: Path) -> None:
    members = {
        "a/1.png": png(1),
        "a/1.cls": b"10",
        "2.png": png(2),
        "2.txt": b"9 ",
        "4.png": png(4),
    }
    found = opened(others(tmp_path / "x.tar", members))
    assert (found.names, found.classes, found.labels) == (["2", "a/1"], ("10", "9"), [1, 0])
    assert found.odd[0] == "Pictures without a label, left out: 1."
    with pytest.raises(MartletError, match="hold one class, '10'; at least 2 are needed"):
        opened(others(tmp_path / "y.tar", {k: members[k] for k in ("a/1.png", "a/1.cls")}))
    with pytest.raises(MartletError, match="has no picture with a label beside it"):
        opened(others(tmp_path / "z.tar", {"4.png": png(4)}))
    (tmp_path / "g.tar").write_bytes(b"\x1f\x8b" + bytes(600))
    with pytest.raises(MartletError, match=r"g.tar' is compressed, .*unpacked"):
        opened(tmp_path / "g.tar")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_them_and_is_read(shards: Path, photos: Path, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="the other side, an extra of the tests")
    urls = sorted(map(str, shards.glob("*.tar")))
    held = list(webdataset.WebDataset(urls, shardshuffle=False).decode("rgb8"))
    cache = PixelCache.build(scan(photos), Preprocess(20, crop_pct=1.0))
    by_path = {one["json"]["path"]: one for one in held}
    assert sorted(by_path) == cache.names
    for n, name in enumerate(cache.names):
        assert by_path[name]["cls"] == cache.labels[n]
        assert (by_path[name]["png"] == cache[n]).all()
    with webdataset.TarWriter(str(tmp_path / "theirs.tar")) as sink:
        for n, path in enumerate(sorted(photos.rglob("*.png"))):
            sink.write({"__key__": f"{n:04}", "png": path.read_bytes(), "cls": cache.labels[n]})
    found = opened(tmp_path / "theirs.tar")
    assert (found.classes, found.labels) == (("0", "1", "2"), cache.labels)
    assert sorted(found.digests) == sorted(cache.digests)


@pytest.mark.slow
def test_training_comes_to_the_folders_weights(
    quick: Callable[..., Run], shards: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = quick(name="folder")

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("martlet.training.journal.Journal.note", stop)
        with pytest.raises(KeyboardInterrupt):
            quick(data=shards, name="shards", workers=2)
    run = quick(data=shards, name="shards", workers=1, resume=True)
    one, other = (checkpoint.load(r.checkpoint) for r in (folder, run))
    assert all((one[0][name] == other[0][name]).all() for name in one[0])
    assert one[1].split == other[1].split
    assert run.metrics["top1"] == folder.metrics["top1"]


@pytest.mark.slow
def test_memory_and_disk_stay_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource", reason="says the memory of this process")
    for number in range(150):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.zeros((512, 512, 3), np.uint8)
        pixels[number : number + 300] = number
        Image.fromarray(pixels).save(path)
    write_shards(scan(tmp_path / "photos"), tmp_path / "out", "x", 200_000)
    monkeypatch.setenv("MARTLET_CACHE", str(tmp_path / "cache"))
    found = read_shards(tmp_path / "out", Preprocess(448), max_bad=0, min_classes=2)
    for n in range(10):
        found[n]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total = sum(found[n].nbytes for n in range(len(found)))
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert total > 100_000_000
    assert grown < total / 10
    assert not (tmp_path / "cache").exists()
