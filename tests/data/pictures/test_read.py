import os
import random
import sys
from pathlib import Path

import pytest

from martlet.data.pictures.read import Picture, find_pictures, scan
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
    assert listing.ignored == 0


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
    assert listing.ignored == 8  # a folder that is left out counts once


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
    assert listing.ignored == 3


def test_two_folders_that_link_to_each_other(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "a" / "to_b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "to_a").symlink_to(tmp_path / "a")
    paths = [p.path for p in scan(tmp_path).pictures]
    assert paths == ["a/1.jpg", "a/to_b/1.jpg", "b/1.jpg", "b/to_a/1.jpg"]


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
    with pytest.raises(MartletError, match="is a file, not a folder"):
        scan(fill(tmp_path, "a.zip") / "a.zip")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "b").chmod(0)
    with pytest.raises(MartletError, match="b' cannot be read"):
        scan(tmp_path)


def test_find_pictures(tmp_path: Path) -> None:
    fill(tmp_path, "in/b.jpg", "in/deep/c.png", "in/a.jpg", "in/x.txt", "single.dat", "none/x.txt")
    found = find_pictures([tmp_path / "single.dat", tmp_path / "in", tmp_path / "missing.jpg"])
    names = ["single.dat", "in/a.jpg", "in/b.jpg", "in/deep/c.png", "missing.jpg"]
    assert found == [tmp_path / name for name in names]
    with pytest.raises(MartletError, match="none' holds no pictures"):
        find_pictures([tmp_path / "none"])
