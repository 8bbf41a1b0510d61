import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from martlet.data import cache as cache_module
from martlet.data.cache import PixelCache
from martlet.data.class_names import one_form
from martlet.data.pictures.decode import decode
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.read import scan
from martlet.data.split import split_samples
from martlet.errors import MartletError

PREPROCESS = Preprocess(24, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """12 pictures of two classes, of several shapes and formats."""
    rng = np.random.default_rng(0)
    root = tmp_path / "photos"
    for number in range(12):
        path = root / "ab"[number % 2] / f"{number:02d}{('.png', '.jpg', '.webp')[number % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (*rng.integers(20, 60, 2), 3)
        exif = Image.Exif()
        exif[0x0112] = number % 8 + 1
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(path, exif=exif)
    return root


class Steps(list[tuple[int, int]]):
    """A progress callback that keeps what it was told."""

    def __call__(self, done: int, total: int) -> None:
        self.append((done, total))


def build(photos: Path, preprocess: Preprocess = PREPROCESS, **options: Any) -> PixelCache:
    folder = options.pop("folder", photos.parent / "cache")
    return PixelCache.build(scan(photos), preprocess, folder=folder, **options)


def built_anew(photos: Path, preprocess: Preprocess = PREPROCESS, **options: Any) -> bool:
    steps = Steps()
    build(photos, preprocess, progress=steps, **options)
    return bool(steps)


def decoded(photos: Path, number: int) -> Image.Image:
    return decode(photos / scan(photos).pictures[number].path)


def files_in(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir())


@pytest.mark.parametrize(
    "preprocess",
    [
        PREPROCESS,
        Preprocess(32, rule="squash", interpolation="bicubic"),
        Preprocess(24, channels="BGR"),
        Preprocess(24, channels="L"),
    ],
)
def test_reading_the_cache_is_reading_the_file(photos: Path, preprocess: Preprocess) -> None:
    cache = build(photos, preprocess)
    assert len(cache) == 12
    for picture, pixels in zip(cache.pictures, cache, strict=True):
        from_cache = preprocess.normalise(preprocess.crop(pixels))
        np.testing.assert_array_equal(from_cache, preprocess(photos / picture.path))


def test_pictures_cannot_change_the_file(photos: Path) -> None:
    cache = build(photos)
    before = cache.path.read_bytes()
    cache[3][:] = 7
    assert cache.path.read_bytes() == before
    np.testing.assert_array_equal(build(photos)[-9], PREPROCESS.resize(decoded(photos, 3)))
    with pytest.raises(IndexError):
        cache[12]
    pixels = cache[0]  # torch takes it without a warning and without a copy
    assert torch.from_numpy(pixels).data_ptr() == pixels.ctypes.data


def test_what_belongs_to_each_picture(photos: Path) -> None:
    (photos / "b" / "copy.jpg").write_bytes((photos / "a" / "00.png").read_bytes())
    cache = build(photos)
    assert cache.classes == ("a", "b")
    assert cache.labels == [0] * 6 + [1] * 7
    assert cache.parts == [None] * 13
    assert [len(digest) for digest in cache.digests] == [32] * 13
    assert cache.digests[-1] == cache.digests[0]  # of the content
    assert len(set(cache.digests)) == 12


def test_progress_counts_every_picture(photos: Path) -> None:
    steps = Steps()
    build(photos, progress=steps, workers=3)
    assert steps == [(done, 12) for done in range(1, 13)]


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_the_file_is_the_same_for_any_number_of_workers(
    photos: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_AT_ONCE", 2)
    one = build(photos, workers=1).path.read_bytes()
    more = build(photos, workers=workers, folder=photos.parent / "more").path.read_bytes()
    assert one == more


def test_reopened_when_nothing_changed(photos: Path) -> None:
    assert built_anew(photos)
    assert not built_anew(photos)
    assert not built_anew(photos, Preprocess(24, mean=(0, 0, 0)))  # the same pixels
    assert not built_anew(photos, Preprocess(27, crop_pct=1))


@pytest.mark.parametrize(
    "change", ["content", "secretly", "time", "add", "remove", "rename", "settings"]
)
def test_built_anew_when_something_changed(photos: Path, change: str) -> None:
    build(photos)
    first, preprocess = photos / "a" / "00.png", PREPROCESS
    if change == "content":
        Image.new("RGB", (30, 30)).save(first)
    elif change == "secretly":  # of the same size, and its time put back
        before = first.stat()
        Image.new("RGB", (30, 30)).save(first)
        os.truncate(first, before.st_size)  # zeros behind a picture are no part of it
        os.utime(first, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "time":
        os.utime(first, ns=(1, 1))
    elif change == "add":
        Image.new("RGB", (30, 30)).save(photos / "b" / "new.png")
    elif change == "remove":
        first.unlink()
    elif change == "rename":
        first.rename(photos / "a" / "new.png")
    else:
        preprocess = Preprocess(24, interpolation="bicubic")
    assert built_anew(photos, preprocess)
    assert not built_anew(photos, preprocess)
    # the cache of other settings stays, that of the folder as it was before does not
    assert len(files_in(photos.parent / "cache")) == (2 if change == "settings" else 1)
    cache = build(photos, preprocess)
    np.testing.assert_array_equal(
        cache[0], preprocess.resize(Image.open(photos / cache.pictures[0].path))
    )


@pytest.mark.parametrize("damage", [lambda whole: whole[:-1], lambda whole: b"something else" * 99])
def test_a_damaged_cache_is_built_anew(photos: Path, damage: Callable[[bytes], bytes]) -> None:
    path = build(photos).path
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert built_anew(photos)
    assert path.read_bytes() == whole


def spoil(photos: Path, *names: str) -> None:
    for name in names:
        (photos / name).write_bytes(b"no picture")


def test_bad_pictures_are_skipped_and_named(photos: Path) -> None:
    spoil(photos, "a/00.png", "b/05.webp")
    cache = build(photos, max_bad=0.2)
    assert len(cache) == 10
    assert [bad.path for bad in cache.bad] == ["a/00.png", "b/05.webp"]
    assert "not a picture" in cache.bad[0].reason
    assert cache.pictures[0].path == "a/02.webp"
    np.testing.assert_array_equal(cache[0], PREPROCESS.resize(Image.open(photos / "a/02.webp")))


def test_too_many_bad_pictures(photos: Path) -> None:
    spoil(photos, "a/00.png", "a/02.webp", "b/01.jpg", "b/03.png")
    for _ in range(2):  # also when the cache is there already
        with pytest.raises(MartletError, match="4 of 12 pictures cannot be read") as caught:
            build(photos)
        assert "'a/00.png' is not a picture" in str(caught.value)
        assert "format (so are 3 more)." in str(caught.value)
    assert not built_anew(photos, max_bad=4 / 12)
    with pytest.raises(MartletError, match="max_bad=2 is not a fraction"):
        build(photos, max_bad=2)
    spoil(photos, *(p.path for p in scan(photos).pictures))
    with pytest.raises(MartletError, match="12 of 12 pictures"):
        build(photos, max_bad=1)


def test_a_bad_file_is_tried_again_once_it_was_touched(photos: Path) -> None:
    spoil(photos, "a/00.png")
    build(photos, max_bad=1)
    assert not built_anew(photos, max_bad=1)
    (photos / "a/00.png").chmod(0o600)  # changes neither size nor time of change
    assert built_anew(photos, max_bad=1)


def test_pictures_that_do_not_fit_the_settings_are_bad(photos: Path) -> None:
    Image.new("RGB", (5000, 5)).save(photos / "a" / "long.png")
    cache = build(photos, max_bad=0.1)
    assert cache.bad[0].path == "a/long.png"
    assert "5000x5 pixels" in cache.bad[0].reason


def test_odd_names(photos: Path) -> None:
    Image.new("RGB", (30, 30)).save(photos / "a" / "ünï cödé.png")
    (photos / "b" / "dangling.jpg").symlink_to("nowhere")
    if sys.platform == "linux":
        name = os.fsdecode(os.fsencode(photos) + b"/b/caf\xe9.png")
        (photos / "a" / "00.png").rename(name)
        spoil(photos, "b/bad \udce9.jpg")
    cache = build(photos, max_bad=0.5)
    assert not built_anew(photos, max_bad=0.5)
    assert "a/ünï cödé.png" in [p.path for p in cache.pictures]
    assert "b/dangling.jpg" in [bad.path for bad in cache.bad]
    assert ascii(str(cache.bad[0]))


def test_pictures_under_a_tenth_of_the_scale_are_said(photos: Path) -> None:
    """A camera's 12 bits in files of 16: both classes would be one gray."""
    assert build(photos).odd == []
    for number, path in enumerate(scan(photos).pictures):
        (photos / path.path).unlink()
        values = np.full((40, 40), 1000 + 120 * (number % 2), np.uint16)
        Image.fromarray(values).save((photos / path.path).with_suffix(".png"))
    (note,) = build(photos).odd
    assert note.startswith("the brightest value of all pictures is 4 of 255, under a tenth")
    assert "multiply 16" in note
    assert build(photos).odd == [note]  # the file knows it, too


def test_what_is_left_out_is_named(photos: Path) -> None:
    for name in ("a/notes.txt", "@eaDir/00.png", "a/Thumbs.db"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes(b"x")
    (note,) = build(photos).odd
    assert note.startswith("3 left out")
    assert note.endswith("'@eaDir', 'a/Thumbs.db', 'a/notes.txt'")


@pytest.mark.parametrize("name", ["IMG_1.HEIC", "sent.jpg"])
def test_a_phones_heic_is_named_with_the_remedy(photos: Path, name: str) -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
    (photos / "a" / name).write_bytes(heic)
    sentence = rf"1 of 13 .* max_bad=0\.01 .*'a/{name}' is a HEIC picture.*convert it to JPEG"
    with pytest.raises(MartletError, match=sentence):
        build(photos)
    assert "is a HEIC picture" in build(photos, max_bad=0.1).odd[1]
    (photos / "c").mkdir()
    (photos / "c" / name).write_bytes(heic)  # a class of nothing else is a class, not an empty one
    assert build(photos, max_bad=0.2).classes == ("a", "b", "c")


def test_a_pickled_cache_opens_the_file_again(photos: Path) -> None:
    cache = build(photos)
    content = pickle.dumps(cache)
    assert len(content) < 3000
    again = pickle.loads(content)
    assert again.digests == cache.digests
    assert all(np.array_equal(a, b) for a, b in zip(again, cache, strict=True))


# A process that builds the cache and does something after each picture.
SCRIPT = """
import os, signal, sys
from pathlib import Path
from martlet.data.cache import PixelCache
from martlet.data.pictures.read import scan
from martlet.data.pictures.preprocess import Preprocess

photos = Path(sys.argv[1])

def waiting(done, total):
    if done == 1:
        print("started", flush=True)
        sys.stdin.readline()

def killed(done, total):
    if done == 7:
        os.kill(os.getpid(), signal.SIGKILL)

folder, progress = photos.parent / "cache", globals()[sys.argv[2]]
cache = PixelCache.build(scan(photos), Preprocess(24), folder=folder, progress=progress)
print(sum(int(pixels.sum()) for pixels in cache))
"""


def start(photos: Path, progress: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SCRIPT, str(photos), progress]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_killed_while_building(photos: Path) -> None:
    process = start(photos, "killed")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert files_in(photos.parent / "cache") == [".tmp"]
    assert built_anew(photos)
    assert files_in(photos.parent / "cache") == [".pixels"]
    assert not built_anew(photos)


def test_two_processes_at_once(photos: Path) -> None:
    processes = [start(photos, "waiting") for _ in range(2)]
    assert [process.stdout.readline() for process in processes if process.stdout] == [
        "started\n"
    ] * 2
    assert files_in(photos.parent / "cache") == [".tmp", ".tmp"]
    for process in processes:
        print(file=process.stdin, flush=True)
    sums = {process.communicate()[0].strip() for process in processes}
    assert files_in(photos.parent / "cache") == [".pixels"]
    expected = sum(int(pixels.sum()) for pixels in build(photos, Preprocess(24)))
    assert sums == {str(expected)}
    assert not built_anew(photos, Preprocess(24))


def test_a_full_disk(
    photos: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    sentence = r"\.pixels could not be written \(File too large.*MARTLET_CACHE"
    with full_disk(9000), pytest.raises(MartletError, match=sentence):
        build(photos)
    assert files_in(photos.parent / "cache") == []
    assert built_anew(photos)


WORDS = (
    *("train", "val", "test", "Valid", "cat", "dog", "caf\u00e9", "cafe\u0301", "caf\udce9"),
    *("\x1b[2J", "two\nlines", "@eaDir", "__MACOSX", ".git", "lost+found", "a.jpg", "$x^$"),
    *("-", "*", "CON"),
)
SUFFIX = (".jpg", ".PNG", ".heic", ".txt", "", ".tif", ".db")


def grow(folder: Path, chance: random.Random, contents: Sequence[bytes], depth: int = 0) -> None:
    """Folders, pictures of every condition, links and pipes below `folder`."""
    folder.mkdir(exist_ok=True)
    for word in chance.sample(WORDS, chance.randint(0, 3) if depth else chance.randint(1, 4)):
        if depth < 3 and not (folder / word).exists():
            grow(folder / word, chance, contents, depth + 1)
    for number in range(chance.randint(0, 4) if chance.random() < (0.1, 0.8)[depth > 0] else 0):
        path = folder / f"{chance.choice(WORDS)}{number}{chance.choice(SUFFIX)}"
        match chance.randrange(12):
            case 0:
                path.symlink_to(chance.choice((path, folder, folder.parent, Path("nowhere"))))
            case 1:
                os.mkfifo(path)
            case 2:
                path.mkdir()
            case _:
                path.write_bytes(chance.choice(contents))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_folders_of_any_kind_are_read_or_refused_in_a_sentence(
    photos: Path, tmp_path: Path
) -> None:
    good = [path.read_bytes() for path in sorted(photos.rglob("*.*"))]
    contents = [*good, *(one[: len(one) // 2] for one in good[:3]), b"", b"<html>", bytes(500)]
    found: Counter[str] = Counter()
    for seed in range(200):
        chance, root = random.Random(seed), tmp_path / "any"
        grow(root, chance, contents)
        try:
            listing = scan(root, min_classes=chance.choice((1, 2)))
            found["listed"] += 1
            folder = tmp_path / "cache"
            cache = PixelCache.build(listing, Preprocess(8), folder=folder, max_bad=0.9)
            found["decoded"] += 1
            assert not any("@eaDir" in name.split("/") for name in cache.names)
            assert len(set(map(one_form, cache.classes))) == len(cache.classes)
            parts = split_samples(
                cache.labels, cache.digests, cache.parts, allow_overlap=True, paths=cache.names
            )
            assert len(parts.train) + len(parts.val) + len(parts.test) <= len(cache)
            found["split"] += 1
        except MartletError:
            found["refused"] += 1
        finally:
            shutil.rmtree(root)
    print(dict(found))
    assert min(found.values()) > 10
