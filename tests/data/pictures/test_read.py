import os
import random
import sys
from collections import Counter
from pathlib import Path
from unicodedata import normalize

import pytest
from PIL import Image

from martlet.data.pictures.decode import FORMATS
from martlet.data.pictures.read import Picture, scan
from martlet.errors import MartletError


def fill(root: Path, *names: str) -> Path:
    """Empty files: scanning looks at names only."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_class_folders(tmp_path: Path) -> None:
    fill(tmp_path, "dog/b.jpg", "cat/a.png", "cat/old/deep/z.JPEG", "cat/b.webp")
    listing = scan(tmp_path)
    assert listing.root == tmp_path
    assert listing.classes == ("cat", "dog")
    assert listing.pictures == (
        Picture("cat/a.png", 0, None),
        Picture("cat/b.webp", 0, None),
        Picture("cat/old/deep/z.JPEG", 0, None),
        Picture("dog/b.jpg", 1, None),
    )
    assert listing.ignored == ()


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_parts_above_the_classes(tmp_path: Path, val: str) -> None:
    names = [f"{part}/{name}/1.jpg" for part in ("train", val, "TEST") for name in ("b", "a")]
    listing = scan(str(fill(tmp_path, *names)))
    assert listing.classes == ("a", "b")
    assert {(p.part, p.path) for p in listing.pictures if p.label == 0} == {
        ("train", "train/a/1.jpg"),
        ("val", f"{val}/a/1.jpg"),
        ("test", "TEST/a/1.jpg"),
    }


@pytest.mark.parametrize(
    ("names", "classes", "part"),
    [
        (["train/a/1.jpg", "train/b/1.jpg"], ("a", "b"), "train"),
        (["train/1.jpg", "bus/1.jpg", "test/2.jpg"], ("bus", "test", "train"), None),
        (["train/a/1.jpg", "train/b/1.jpg", "labels/a.csv"], ("a", "b"), "train"),
        (["a/x.jpg/1.jpg", "b/1.jpg"], ("a", "b"), None),
        (["a/1.jpg"], ("a",), None),
    ],
)
def test_unusual_folders_that_are_clear(
    tmp_path: Path, names: list[str], classes: tuple[str, ...], part: str | None
) -> None:
    listing = scan(fill(tmp_path, *names), min_classes=1)
    assert [p.path for p in listing.pictures] == sorted(n for n in names if n.endswith(".jpg"))
    assert listing.classes == classes
    assert {p.part for p in listing.pictures} == {part}


def test_the_order_does_not_follow_the_file_system(tmp_path: Path) -> None:
    names = [f"{c}/{n}.jpg" for c in "abc" for n in range(20)]
    orders = []
    for seed in range(2):
        random.Random(seed).shuffle(names)
        orders.append(scan(fill(tmp_path / str(seed), *names)).pictures)
    assert orders[0] == orders[1]
    assert list(orders[0]) == sorted(orders[0])


def test_what_is_no_picture_is_counted(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "b/1.jpg", "README.md", "a/notes.txt", "b/Thumbs.db", "a/.DS_Store")
    fill(
        tmp_path, ".git/a/1.jpg", "__MACOSX/a/._1.jpg", "a/.ipynb_checkpoints/1.jpg", "a/no_suffix"
    )
    listing = scan(tmp_path)
    assert len(listing.pictures) == 2
    assert len(listing.ignored) == 8  # a folder that is left out counts once


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere", "1.jpg", "more/2.jpg")
    fill(tmp_path / "photos", "a/1.jpg")
    photos = tmp_path / "photos"
    (photos / "b").symlink_to(tmp_path / "elsewhere")
    (photos / "a" / "up").symlink_to(photos)
    (photos / "a" / "self").symlink_to(photos / "a")
    (tmp_path / "elsewhere" / "more" / "back").symlink_to(tmp_path / "elsewhere")
    (photos / "a" / "dangling.jpg").symlink_to(tmp_path / "nowhere")
    (photos / "a" / "circle.jpg").symlink_to(photos / "a" / "circle.jpg")
    listing = scan(photos)
    assert [p.path for p in listing.pictures] == [
        "a/1.jpg",
        "a/circle.jpg",  # reported as unreadable when it is opened, not lost in silence
        "a/dangling.jpg",
        "b/1.jpg",
        "b/more/2.jpg",
    ]
    assert listing.ignored == (
        "a/self",
        "a/up",
        "b/more/back",
    )


def test_two_folders_that_link_to_each_other(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "a" / "to_b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "to_a").symlink_to(tmp_path / "a")
    paths = [p.path for p in scan(tmp_path).pictures]
    assert paths == ["a/1.jpg", "a/to_b/1.jpg", "b/1.jpg", "b/to_a/1.jpg"]


def test_many_folders_that_link_to_each_other(tmp_path: Path) -> None:
    """Each way through them would be another path: more than there is time for."""
    names = [f"class{number:02}" for number in range(12)]
    for name in names:
        fill(tmp_path, f"{name}/1.jpg")
        for other in set(names) - {name}:
            (tmp_path / name / f"to_{other}").symlink_to(tmp_path / other)
    listing = scan(tmp_path)
    assert len(listing.pictures) == 12 * 12
    assert len(listing.ignored) == len(set(listing.ignored))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems accept UTF-8 names only")
def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    fill(tmp_path, "b/ü .jpg", "a/1.jpg")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/caf\xe9.jpg")).touch()
    paths = [p.path for p in scan(tmp_path).pictures]
    assert paths == ["a/1.jpg", "a/caf\udce9.jpg", "b/ü .jpg"]
    assert all((tmp_path / path).exists() for path in paths)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "holds no pictures"),
        (["a/notes.txt"], "holds no pictures"),
        (["1.jpg", "2.jpg"], r"pictures without a class \(2, such as '1.jpg'\)"),
        (
            ["a/1.jpg", "b/1.jpg", "stray.jpg"],
            r"pictures without a class \(1, such as 'stray.jpg'\)",
        ),
        (["a/1.jpg"], "holds one class, 'a'; at least 2 are needed"),
        (["a/1.jpg", "b/1.jpg", "c/x.txt"], "class folders without a picture: 'c'"),
        (["train/a/1.jpg", "val/a/1.jpg"], "holds one class, 'a'"),
        (
            ["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg"],
            r"different classes: 'b' \('b' is only in train\)",
        ),
        (
            ["train/a/1.jpg", "val/a/1.jpg", "val/b/1.jpg"],
            r"different classes: 'b' \('b' is only in val\)",
        ),
        (["train/a/1.jpg", "cats/1.jpg"], "mixes the part 'train' with 'cats'"),
        (["train/a/1.jpg", "test/1.jpg"], "'test' in folder .* holds pictures without a class"),
        (["train/a/1.jpg", "train/1.jpg"], "'train' in folder .* pictures without a class"),
        (["train/a/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"], "two val parts, 'valid' is one"),
        (["val/a/1.jpg", "test/a/1.jpg"], "has no train part, only test, val"),
    ],
)
def test_unclear_folders(tmp_path: Path, names: list[str], sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence) as caught:
        scan(fill(tmp_path, *names))
    assert str(tmp_path) in str(caught.value)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"'.*nowhere' does not exist"):
        scan(tmp_path / "nowhere")
    with pytest.raises(MartletError, match=r"is a file, not a folder; .* with a scene its labels"):
        scan(fill(tmp_path, "a.zip") / "a.zip")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "b").chmod(0)
    with pytest.raises(MartletError, match="b' cannot be read"):
        scan(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        *("@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"),
        *("__MACOSX", ".ipynb_checkpoints", ".Trashes", "@Recycle", "LOST.DIR"),
    ],
)
def test_what_programs_leave_behind_is_no_class_and_no_picture(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "train/cat/1.jpg", "train/dog/1.jpg", f"train/cat/{name}/1.jpg/THUMB_M.jpg")
    fill(tmp_path, f"train/{name}/2.jpg", f"{name}/3.jpg", f"{name}/cat/4.jpg")
    listing = scan(tmp_path)
    assert listing.classes == ("cat", "dog")
    assert [p.path for p in listing.pictures] == ["train/cat/1.jpg", "train/dog/1.jpg"]
    assert set(listing.ignored) == {name, f"train/{name}", f"train/cat/{name}"}


def test_notes_of_other_systems_are_no_pictures(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "b/1.jpg", "a/._1.jpg", "a/Thumbs.db", "b/Desktop.ini", "b/.DS_Store")
    listing = scan(tmp_path)
    assert [p.path for p in listing.pictures] == ["a/1.jpg", "b/1.jpg"]
    assert listing.ignored == ("a/._1.jpg", "a/Thumbs.db", "b/.DS_Store", "b/Desktop.ini")


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems hold one of the two forms")
@pytest.mark.parametrize("parts", [("train", "val"), ("",)])
def test_both_forms_of_a_name_are_one_class(tmp_path: Path, parts: tuple[str, ...]) -> None:
    for part, form in zip(("train", "val"), ("NFC", "NFD"), strict=True):
        folder = part if part in parts else ""
        for name in ("Übung", "café", "모자"):
            fill(tmp_path, f"{folder}/{normalize(form, name)}/{part}.jpg".lstrip("/"))
    listing = scan(tmp_path)
    assert listing.classes == ("café", "Übung", "모자")
    assert Counter(p.label for p in listing.pictures) == {0: 2, 1: 2, 2: 2}
    assert all((tmp_path / p.path).exists() for p in listing.pictures)


def test_a_picture_without_a_suffix_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "b/1.jpg", "a/LICENSE", "a/empty")
    Image.new("RGB", (4, 4)).save(tmp_path / "a" / "image_0021", "JPEG")
    (tmp_path / "a" / "LICENSE").write_text("BMP and PNG files are under the licence that follows")
    os.mkfifo(tmp_path / "b" / "pipe")  # reading it would never end
    listing = scan(tmp_path)
    assert [p.path for p in listing.pictures] == ["a/1.jpg", "a/image_0021", "b/1.jpg"]
    assert listing.ignored == ("a/LICENSE", "a/empty", "b/pipe")


@pytest.mark.parametrize("format", [*FORMATS, "MPO"])
def test_every_format_is_known_without_a_suffix(tmp_path: Path, format: str) -> None:
    fill(tmp_path, "a/1.jpg", "b/1.jpg")
    Image.new("RGB", (16, 16)).save(tmp_path / "a" / "picture", format)
    assert "a/picture" in [p.path for p in scan(tmp_path).pictures]


def test_a_class_folder_of_other_files_says_what_it_holds(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "b/1.jpg", "c/1.cr2", "c/2.cr2")
    with pytest.raises(MartletError, match=r"'c' \(2 other files in 'c', such as 'c/1\.cr2'\)"):
        scan(tmp_path)
